// The views of the policy and of what its rules did. The draft that is shown stays, where a view can show it.
import { TabLinks } from "../shared/tabs";
import { rulesAddress } from "./rules_api";

export function RulesTabs({ view, draft = 0 }: { view: string; draft?: number }) {
  const tabs = [
    { view: "list", name: "Rules", address: rulesAddress("list", { draft }) },
    { view: "figures", name: "Figures", address: "/rules/figures" },
    { view: "files", name: "Files", address: rulesAddress("files", { draft }) },
    { view: "changes", name: "Changes", address: rulesAddress("changes", {}) },
  ];
  return <TabLinks label="Views of the rules" tabs={tabs.map((tab) => ({ ...tab, current: tab.view === view }))} />;
}
