// The policy's files, one of them in the editor, and what the check says about all of them.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../shared/api";
import { clean } from "../shared/format";
import { messageOf, Notice } from "../shared/parts";
import { go } from "../shared/router";
import { type Diagnostic, type Draft, loadReport, type Policy, type Report, rulesAddress, saveFile } from "./rules_api";
import { Editor } from "./rules_editor";

const SAVE_AFTER_MS = 500;

interface Loaded {
  path: string;
  text: string;
}

// What a person types is saved when they pause, and checked then. One call at a time: the next begins with what was
// typed meanwhile.
function useSaving(draft: Draft | undefined, path: string, onReport: (report: Report) => void) {
  const [state, setState] = useState("");
  const [problem, setProblem] = useState("");
  const now = useRef({ path: "", saved: "", text: "", revision: 0, timer: 0, busy: false, stopped: false });

  const save = async () => {
    const it = now.current;
    if (it.busy || it.stopped || !draft || it.text === it.saved) return;
    it.busy = true;
    setState("saving");
    try {
      while (it.text !== it.saved) {
        const text = it.text;
        it.revision = await saveFile(draft.id, it.revision, it.path, it.saved, text);
        it.saved = text;
      }
      setProblem("");
      setState("checking");
      onReport(await loadReport(draft.id));
      setState("saved");
    } catch (reason) {
      it.stopped = true;
      setState("not saved");
      setProblem(messageOf(reason));
    }
    it.busy = false;
    if (it.text !== it.saved) void save();
  };
  const change = (text: string) => {
    const it = now.current;
    it.text = text;
    clearTimeout(it.timer);
    setState(text === it.saved ? "saved" : "changed"); // typed and taken back: there is nothing to send
    it.timer = window.setTimeout(() => void save(), SAVE_AFTER_MS);
  };
  const begin = (file: Loaded, revision: number) => {
    const it = now.current;
    clearTimeout(it.timer);
    now.current = { ...it, path: file.path, saved: file.text, text: file.text, revision, busy: false, stopped: false };
    setState("");
    setProblem("");
  };
  // What was typed last is saved also when the person leaves.
  useEffect(() => {
    const leave = (event: BeforeUnloadEvent) => {
      if (now.current.text !== now.current.saved) event.preventDefault();
    };
    addEventListener("beforeunload", leave);
    return () => {
      removeEventListener("beforeunload", leave);
      clearTimeout(now.current.timer);
      void save();
    };
  }, [path, draft?.id]);
  return { state, problem, change, begin, saveNow: save };
}

export function Problems({ report, draft }: { report: Report; draft: number }) {
  const failed = (report.cases ?? []).filter((one) => !one.passed);
  const found = report.diagnostics ?? [];
  const link = (file: string, line: number) => rulesAddress("files", { draft, file, line });
  return (
    <section aria-label="Check" class="check">
      <p role="status">
        {report.sound ? "The policy is sound" : "The policy is not sound"}
        {report.case_count !== undefined && `: ${report.case_count} cases, ${report.failed ?? 0} failed`}
        {found.length > 0 && `; ${found.length} ${found.length === 1 ? "message" : "messages"}`}.
      </p>
      {report.error && <Notice bad>{clean(report.error)}</Notice>}
      <ul class="problems">
        {found.map((one, i) => (
          <li key={i}>
            <span class={one.severity === "error" ? "bad" : "muted"}>{one.severity}</span>{" "}
            <a href={link(one.file, one.line)}>
              {clean(one.file)}
              {one.line > 0 && `:${one.line}:${one.column}`}
            </a>{" "}
            {clean(one.message)}
          </li>
        ))}
        {failed.map((one) => (
          <li key={`${one.file}:${one.line}`}>
            <span class="bad">case fails</span>{" "}
            <a href={link(one.file, one.line)}>
              {clean(one.file)}:{one.line}
            </a>{" "}
            {one.rule && `${clean(one.rule)} / `}
            {clean(one.name)}
            <pre>{(one.differences ?? "").split("\n").map(clean).join("\n")}</pre>
          </li>
        ))}
      </ul>
    </section>
  );
}

// Failing cases are marked in their file, too.
function ofFile(report: Report | null, path: string): Diagnostic[] {
  const cases = (report?.cases ?? []).filter((one) => !one.passed && one.file === path);
  return [
    ...(report?.diagnostics ?? []).filter((one) => one.file === path),
    ...cases.map((one) => ({
      severity: "error" as const,
      file: one.file,
      line: one.line,
      column: 1,
      length: 200,
      message: `the case "${one.name}" fails\n${one.differences ?? ""}`,
    })),
  ];
}

function FileList({ policy, draft, path }: { policy: Policy; draft: number; path: string }) {
  return (
    <nav aria-label="Files of the policy" class="files">
      <ul>
        {policy.files.map((file) => (
          <li key={file.path}>
            <a
              href={rulesAddress("files", { draft, file: file.path })}
              aria-current={file.path === path ? "page" : undefined}
            >
              {clean(file.path)}
            </a>{" "}
            {file.change && <span class={`change change-${file.change}`}>{file.change}</span>}
          </li>
        ))}
      </ul>
    </nav>
  );
}

function NewFile({ draft, onMade }: { draft: Draft; onMade: (path: string) => void }) {
  const [problem, setProblem] = useState("");
  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const path = String(new FormData(form).get("path")).trim();
    const insert = path.startsWith("cases/") ? "cases: []\n" : path.startsWith("rules/") ? "rules: []\n" : "";
    try {
      await post("/api/rules/draft/edit", {
        draft: draft.id,
        revision: draft.revision,
        path,
        at: 0,
        remove: 0,
        insert,
      });
      form.reset();
      setProblem("");
      onMade(path);
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  return (
    <form class="new-file" onSubmit={(event) => void make(event)}>
      <label>
        New file <input name="path" placeholder="rules/name.yaml" required maxLength={200} />
      </label>
      <button type="submit">Add</button>
      {problem && <Notice bad>{clean(problem)}</Notice>}
    </form>
  );
}

interface Props {
  policy: Policy;
  report: Report | null;
  vocabulary: Report | null; // the last report that has the policy's names
  path: string;
  line: number;
  onReport: (report: Report) => void;
  onChanged: () => void; // files came or went
}

export function FilesView({ policy, report, vocabulary, path, line, onReport, onChanged }: Props) {
  const draft = policy.draft;
  const id = draft?.id ?? 0;
  const shown = path || policy.files.find((file) => file.path.startsWith("rules/"))?.path || "policy.yaml";
  const file = policy.files.find((one) => one.path === shown);
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [failure, setFailure] = useState("");
  const [version, setVersion] = useState(0);
  const saving = useSaving(draft, shown, (found) => {
    onReport(found);
    onChanged();
  });

  useEffect(() => {
    const stop = new AbortController();
    setLoaded(null);
    setFailure("");
    if (!file || file.change === "removed") return;
    get<{ text: string; draft?: Draft }>("/api/rules/file", { draft: id, path: shown }, stop.signal)
      .then(({ text, draft: of }) => {
        saving.begin({ path: shown, text }, of?.revision ?? 0);
        setLoaded({ path: shown, text });
      })
      .catch((reason: unknown) => {
        if (!stop.signal.aborted) setFailure(messageOf(reason));
      });
    return () => stop.abort();
  }, [id, shown, file?.change === "removed", version]);

  const takeOut = async (restore: boolean) => {
    try {
      await saving.saveNow();
      const revision = (await get<Policy>("/api/rules", { draft: id })).draft?.revision;
      await post("/api/rules/draft/remove", { draft: id, revision, path: shown, restore });
      setVersion(version + 1);
      onReport(await loadReport(id));
      onChanged();
    } catch (reason) {
      setFailure(messageOf(reason));
    }
  };
  const made = (added: string) => {
    onChanged();
    go(rulesAddress("files", { draft: id, file: added }));
  };
  return (
    <div class="rules-files">
      <div>
        <FileList policy={policy} draft={id} path={shown} />
        {draft && <NewFile draft={draft} onMade={made} />}
      </div>
      <div>
        <div class="bar-of-filters">
          <h2>{clean(shown)}</h2>
          <span role="status" class="muted">
            {saving.state}
          </span>
          {draft && file && file.change !== "removed" && (
            <button type="button" onClick={() => void takeOut(false)}>
              Remove file
            </button>
          )}
          {draft && file && (file.change === "removed" || file.change === "changed") && (
            <button type="button" onClick={() => void takeOut(true)}>
              Restore as it is live
            </button>
          )}
        </div>
        {saving.problem && (
          <Notice bad>
            {clean(saving.problem)} <button onClick={() => setVersion(version + 1)}>Load the file again</button>
          </Notice>
        )}
        {failure && <Notice bad>{clean(failure)}</Notice>}
        {file?.change === "removed" && <Notice>This file is gone in the draft.</Notice>}
        {!file && <Notice>The policy has no file {clean(shown)}.</Notice>}
        {file && file.change !== "removed" && loaded?.path !== shown && !failure && <p class="muted">Loading…</p>}
        {loaded && loaded.path === shown && (
          <Editor
            path={loaded.path}
            text={loaded.text}
            line={line}
            readOnly={!draft}
            vocabulary={vocabulary}
            diagnostics={ofFile(report, shown)}
            onChange={saving.change}
          />
        )}
        {report && <Problems report={report} draft={id} />}
      </div>
    </div>
  );
}
