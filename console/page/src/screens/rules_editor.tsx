// The editor of one file: CodeMirror with YAML, what the check found at its places, and completion. It lives in a
// shadow root, where its styles are constructed sheets: a <style> element would take inline style in the
// Content-Security-Policy.
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  completionKeymap,
  completionStatus,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic as Mark, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, openSearchPanel, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "preact/hooks";
import { clean } from "../shared/format";
import type { Diagnostic, Report } from "./rules_api";
import { completionsAt } from "./rules_completion";

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--panel)", color: "var(--ink)", fontSize: "0.875rem", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace' },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--ground)", color: "var(--muted)", borderRight: "1px solid var(--rule)" },
  ".cm-activeLine": { backgroundColor: "transparent", boxShadow: "inset 0 -1px var(--rule), inset 0 1px var(--rule)" },
  ".cm-selectionMatch": { backgroundColor: "var(--current)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--bar)",
  },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--current)",
    outline: "1px solid var(--edge)",
  },
  ".cm-tooltip": { backgroundColor: "var(--panel)", color: "var(--ink)", border: "1px solid var(--edge)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--panel)" },
  ".cm-completionDetail": { color: "inherit", fontStyle: "normal", opacity: "0.85" },
  ".cm-tooltip.cm-completionInfo": { maxWidth: "24rem" },
  ".cm-panels": { backgroundColor: "var(--ground)", color: "var(--ink)" },
  ".cm-textfield, .cm-button": {
    backgroundColor: "var(--panel)",
    backgroundImage: "none",
    color: "var(--ink)",
    border: "1px solid var(--edge)",
  },
  ".cm-diagnostic-error": { borderLeftColor: "var(--decline)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--review)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--approve)" },
  { tag: [tags.number, tags.bool, tags.keyword], color: "var(--challenge)" },
]);

// The place of a line and column, which counts characters and not units of UTF-16.
function offsetOf(state: EditorState, line: number, column: number, length: number): { from: number; to: number } {
  if (line < 1) return { from: 0, to: 0 };
  const found = state.doc.line(Math.min(line, state.doc.lines));
  const characters = [...found.text];
  const before = characters.slice(0, Math.max(0, column - 1)).join("").length;
  const of = characters.slice(Math.max(0, column - 1), Math.max(0, column - 1) + length).join("").length;
  return { from: found.from + before, to: Math.min(found.to, found.from + before + of) };
}

function marksOf(state: EditorState, diagnostics: Diagnostic[]): Mark[] {
  return diagnostics.map(({ severity, line, column, length, message }) => ({
    ...offsetOf(state, line, column, length),
    severity,
    message: clean(message),
  }));
}

function complete(path: string, report: () => Report | null) {
  return (context: CompletionContext) => {
    const line = context.state.doc.lineAt(context.pos);
    const lines: string[] = [];
    for (let i = Math.max(1, line.number - 400); i < line.number; i++) lines.push(context.state.doc.line(i).text);
    const found = completionsAt(path, lines, line.text.slice(0, context.pos - line.from), report());
    if (!found || (!context.explicit && found.word === "")) return null;
    const options: Completion[] = found.options;
    return { from: line.from + found.begin, options, validFor: /^[\w.]*$/ };
  };
}

// Tab indents, so it would be a trap: after Esc it leaves the editor, until something is typed.
const leaveByEsc = EditorView.domEventHandlers({
  keydown(event, view) {
    if (event.key === "Escape" && completionStatus(view.state) === null) view.setTabFocusMode(true);
    else if (!["Tab", "Shift", "Escape", "Control", "Alt", "Meta"].includes(event.key)) view.setTabFocusMode(false);
    return false;
  },
});

interface Props {
  path: string;
  text: string; // as it was loaded
  line: number; // to begin at; 0: the first
  readOnly: boolean;
  vocabulary: Report | null; // what completion offers
  diagnostics: Diagnostic[]; // of this file
  onChange: (text: string) => void;
}

export function Editor({ path, text, line, readOnly, vocabulary, diagnostics, onChange }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ vocabulary, onChange });
  const writing = useRef(new Compartment());
  latest.current = { vocabulary, onChange };

  const access = (): Extension => [EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)];

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const lineBreak = text.includes("\r\n") ? [EditorState.lineSeparator.of("\r\n")] : [];
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineBreak,
          lineNumbers(),
          history(),
          drawSelection(),
          indentUnit.of("  "),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          path.endsWith(".yaml") ? yaml() : [],
          syntaxHighlighting(colours),
          lintGutter(),
          autocompletion({ override: [complete(path, () => latest.current.vocabulary)] }),
          leaveByEsc,
          keymap.of([
            ...completionKeymap,
            ...lintKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          theme,
          EditorView.contentAttributes.of({
            "aria-label": `${path}${readOnly ? ", not for editing" : ""}`,
            "aria-describedby": "editor-keys",
            ...(readOnly ? { tabindex: "0", "aria-readonly": "true" } : {}),
          }),
          writing.current.of(access()),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.sliceDoc());
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, [path, text, readOnly]);

  useEffect(() => {
    const made = view.current;
    if (!made || line < 1) return;
    const { from } = offsetOf(made.state, line, 1, 0);
    made.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    made.focus();
  }, [path, text, readOnly, line]);

  useEffect(() => {
    const made = view.current;
    if (made) made.dispatch(setDiagnostics(made.state, marksOf(made.state, diagnostics)));
  }, [path, text, readOnly, diagnostics]);

  const find = () => view.current && openSearchPanel(view.current);
  return (
    <>
      <div class="editor" ref={host} />
      <p class="muted" id="editor-keys">
        {!readOnly && (
          <>
            <kbd>Ctrl</kbd> <kbd>Space</kbd> completes; <kbd>Esc</kbd>, then <kbd>Tab</kbd> leaves the editor.{" "}
          </>
        )}
        <button type="button" class="plain" onClick={find}>
          Find
        </button>
      </p>
    </>
  );
}
