// A unified diff: what goes has a minus, what comes a plus, and colours beside that.
import { clean } from "../shared/format";

function kindOf(line: string): string {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("diff ")) return "diff-file";
  if (line.startsWith("@@")) return "diff-place";
  if (line.startsWith("+")) return "diff-added";
  return line.startsWith("-") ? "diff-removed" : "";
}

export function Diff({ text }: { text: string }) {
  if (text === "") return <p class="muted">Nothing differs.</p>;
  return (
    <pre class="diff" tabIndex={0} role="region" aria-label="What changes">
      {text
        .replace(/\n$/, "")
        .split("\n")
        .map((line, i) => (
          <span key={i} class={kindOf(line)}>
            {clean(line) || " "}
            {"\n"}
          </span>
        ))}
    </pre>
  );
}
