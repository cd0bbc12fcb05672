// Transactions linked with this one by what they share, in five columns: this one, what it shares, with which, what those
// share, with which. The layout depends on nothing but the answer: the same transaction always looks the same.
import { useWidth } from "../shared/chart";
import { ageOf, amountOf, clean } from "../shared/format";
import { transactionAddress } from "../shared/router";
import { entityAddress } from "../shared/entities";
import { keyOf, type Link, type Near, type Related } from "./transaction_api";
import { Legend, Mark, MarkImage } from "./transaction_mark";

// What is drawn of each column at most: 60 nodes in all. The table below has the rest.
const MOST = [1, 9, 20, 10, 20];
const ROW = 30;

interface Layout {
  first: number; // from this transaction to what it shares
  steps: [number, number]; // between the other columns: the least and the most
  entity: number; // width of what is shared
  letters: number; // of its name
  word: boolean; // "this" beside the transaction
}

const WIDE: Layout = { first: 110, steps: [225, 330], entity: 172, letters: 20, word: true };
// A phone has room for three columns.
const NARROW: Layout = { first: 36, steps: [150, 150], entity: 122, letters: 13, word: false };
const NARROW_BELOW = 500;

/** What the same transactions share: often one person's card, device and address together. */
export interface Shared {
  links: Link[];
  transactions: number[];
}

export interface Node {
  id: string;
  column: number;
  row: number;
  shared?: Shared;
  transaction?: number;
}

export interface Graph {
  nodes: Node[];
  edges: [Node, Node][];
  leftOut: number;
}

export function sharedOf(related: Related): Shared[] {
  const groups = new Map<string, Shared>();
  for (const link of related.links) {
    const id = link.transactions.join(" ");
    const group = groups.get(id);
    if (group) group.links.push(link);
    else groups.set(id, { links: [link], transactions: link.transactions });
  }
  return [...groups.values()];
}

// Each column is ordered by the middle of its neighbours in the column before, so that few lines cross.
function order(nodes: Node[], edges: [Node, Node][]): void {
  const middle = (node: Node) => {
    const rows = edges.filter(([, to]) => to === node).map(([from]) => from.row);
    return rows.length > 0 ? rows.reduce((all, row) => all + row, 0) / rows.length : 0;
  };
  for (let column = 0; column < MOST.length; column++) {
    const own = nodes.filter((node) => node.column === column);
    const keyed = own.map((node, i) => ({ node, i, at: middle(node) }));
    keyed.sort((a, b) => a.at - b.at || a.i - b.i);
    keyed.forEach(({ node }, row) => (node.row = row - (own.length - 1) / 2));
  }
}

export function graphOf(related: Related): Graph {
  const nodes: Node[] = [];
  const edges: [Node, Node][] = [];
  let leftOut = 0;
  const add = (node: Node) => {
    if (nodes.filter((each) => each.column === node.column).length >= (MOST[node.column] ?? 0)) {
      leftOut++;
      return undefined;
    }
    nodes.push(node);
    return node;
  };
  const transactions = new Map<number, Node>();
  const place = (index: number, column: number) => {
    const known = transactions.get(index);
    if (known) return known;
    const node = add({ id: `t${index}`, column, row: 0, transaction: index });
    if (node) transactions.set(index, node);
    return node;
  };
  const first = place(0, 0);
  if (!first) return { nodes, edges, leftOut };
  const groups = sharedOf(related);
  const near = groups.filter((group) => group.transactions.includes(0));
  // What few share says most.
  near.sort((a, b) => a.transactions.length - b.transactions.length);
  const expand = (group: Shared, id: string, column: number, from: Node[]) => {
    const node = add({ id, column, row: 0, shared: group });
    if (!node) return;
    for (const each of from) edges.push([each, node]);
    for (const index of group.transactions) {
      if (from.some((each) => each.transaction === index)) continue;
      const to = place(index, column + 1);
      if (to && to.column === column + 1) edges.push([node, to]);
    }
  };
  near.forEach((group, i) => expand(group, `n${i}`, 1, [first]));
  groups
    .filter((group) => !group.transactions.includes(0))
    .forEach((group, i) => {
      const from = group.transactions.flatMap((index) => {
        const node = transactions.get(index);
        return node?.column === 2 ? [node] : [];
      });
      const leadsOn = group.transactions.some((index) => related.transactions[index]?.step === 2);
      if (from.length > 0 && leadsOn) expand(group, `f${i}`, 3, from);
    });
  order(nodes, edges);
  return { nodes, edges, leftOut };
}

function cut(text: string, most: number): string {
  const letters = [...clean(text)];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : letters.join("");
}

function namesOf(group: Shared): string {
  return group.links.map((link) => clean(link.entity)).join(", ");
}

function describe(near: Near): string {
  const { row, label } = near;
  return `${clean(row.id)}: ${row.verdict}, score ${row.score}, ${amountOf(row.amount)} ${clean(row.currency)}${label ? `, known as ${label}` : ""}`;
}

function TransactionNode({ related, node, layout }: { related: Related; node: Node; layout: Layout }) {
  const near = related.transactions[node.transaction ?? 0];
  if (!near) return null;
  const focus = related.transactions[0];
  const isFocus = node.transaction === 0;
  const before = focus && near.row.time < focus.row.time;
  const apart = focus ? ageOf(before ? near.row.time : focus.row.time, before ? focus.row.time : near.row.time) : "";
  const shown = isFocus ? "this" : `${amountOf(near.row.amount)} ${before ? "−" : "+"}${apart}`;
  return (
    <a href={transactionAddress(near.row.id)} aria-label={`${describe(near)} ${shown}`}>
      <title>{describe(near)}</title>
      <rect class="graph-hit" x={-12} y={-13} width={isFocus && !layout.word ? 26 : 120} height={26} />
      <Mark verdict={near.row.verdict} label={near.label} current={isFocus} />
      {(!isFocus || layout.word) && (
        <text class="timeline-text" x={14} y={4}>
          {shown}
        </text>
      )}
    </a>
  );
}

function SharedNode({ group, layout }: { group: Shared; layout: Layout }) {
  const link = group.links[0];
  if (!link) return null;
  const only = link.key.length === 1 ? link.key[0] : undefined;
  const all = group.links.map((each) => `${clean(each.entity)} ${clean(keyOf(each))}`).join(", ");
  const shared = `${all}: shared by ${group.transactions.length}`;
  const shown = cut(group.links.length > 1 ? namesOf(group) : `${link.entity} ${keyOf(link)}`, layout.letters);
  const content = (
    <>
      <title>{shared}</title>
      <rect class="graph-entity" x={-6} y={-13} width={layout.entity} height={26} rx={4} />
      <text class="timeline-text" x={2} y={4}>
        {shown}
      </text>
    </>
  );
  if (only === undefined) return content;
  return (
    <a href={entityAddress(link.entity, only)} aria-label={`${shared} ${shown}`}>
      {content}
    </a>
  );
}

function Drawing({ related, graph }: { related: Related; graph: Graph }) {
  const { ref, width } = useWidth();
  const rows = Math.max(...MOST.map((_, column) => graph.nodes.filter((node) => node.column === column).length));
  const columns = Math.max(...graph.nodes.map((node) => node.column));
  const height = ROW * rows + 16;
  const layout = width < NARROW_BELOW ? NARROW : WIDE;
  const [least, most] = layout.steps;
  const step = Math.max(least, Math.min(most, (width - layout.first - 220) / Math.max(columns - 1, 1)));
  const across = (column: number) => 20 + (column > 0 ? layout.first : 0) + Math.max(0, column - 1) * step;
  const place = (node: Node) => ({ x: across(node.column), y: height / 2 + node.row * ROW });
  const end = (node: Node) => (node.shared ? layout.entity - 6 : 104);
  return (
    <div ref={ref} class="scroll-inside" role="region" aria-label="Graph of linked transactions" tabIndex={0}>
      {width > 0 && (
        <svg class="graph" width={Math.max(width, across(columns) + 190)} height={height} role="group">
          {graph.edges.map(([from, to]) => {
            const [a, b] = [place(from), place(to)];
            const start = from.transaction === 0 ? a.x + (layout.word ? 46 : 12) : a.x + end(from);
            const middle = (start + b.x - 12) / 2;
            return (
              <path
                key={`${from.id} ${to.id}`}
                class="graph-edge"
                d={`M ${start} ${a.y} C ${middle} ${a.y} ${middle} ${b.y} ${b.x - (to.shared ? 6 : 12)} ${b.y}`}
              />
            );
          })}
          {graph.nodes.map((node) => (
            <g key={node.id} transform={`translate(${place(node).x} ${place(node).y})`}>
              {node.shared ? (
                <SharedNode group={node.shared} layout={layout} />
              ) : (
                <TransactionNode related={related} node={node} layout={layout} />
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

function LinkTable({ related }: { related: Related }) {
  return (
    <details class="panel">
      <summary>The same as a table ({related.links.length})</summary>
      <div class="scroll" role="region" aria-label="Links" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Shared</th>
              <th scope="col">Value</th>
              <th scope="col">By</th>
            </tr>
          </thead>
          <tbody>
            {related.links.map((link) => (
              <tr key={`${link.entity} ${link.key.join(" ")}`}>
                <td>{clean(link.entity)}</td>
                <td class="wraps">{clean(keyOf(link))}</td>
                <td class="wide">
                  {link.transactions.map((index) => {
                    const near = related.transactions[index];
                    return (
                      near && (
                        <span class="linked" key={index}>
                          <MarkImage verdict={near.row.verdict} label={near.label} />
                          {index === 0 ? (
                            <strong>this transaction</strong>
                          ) : (
                            <a href={transactionAddress(near.row.id)}>{clean(near.row.id)}</a>
                          )}
                        </span>
                      )
                    );
                  })}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

export function LinkGraph({ related }: { related: Related }) {
  if (!related.links.some((link) => link.transactions.includes(0)))
    return <p class="muted">Nothing near it shares what few have: no link.</p>;
  const graph = graphOf(related);
  const busy = related.entities.filter((entity) => entity.busy).map((entity) => clean(entity.entity));
  return (
    <section aria-label="Linked transactions">
      <div class="panel">
        <Drawing related={related} graph={graph} />
        <Legend />
      </div>
      <p class="muted">
        {busy.length > 0 && `Left out, as too many share it: ${busy.join(", ")}. `}
        {graph.leftOut > 0 && `${graph.leftOut} more are not drawn. `}
        {related.partial && "The search took too long and is not complete."}
      </p>
      <LinkTable related={related} />
    </section>
  );
}
