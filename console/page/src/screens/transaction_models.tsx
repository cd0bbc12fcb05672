// What each input of a model added to its margin or took from it, as bars around zero.
import type { Explanation } from "../shared/api";
import { clean, numberOf, valueOf } from "../shared/format";

const HALF = 60;

function Bar({ value, most }: { value: number; most: number }) {
  const length = most > 0 ? (Math.abs(value) / most) * HALF : 0;
  return (
    <svg class="share" width={2 * HALF + 2} height={14} aria-hidden="true">
      <rect
        class={value < 0 ? "share-less" : "share-more"}
        x={value < 0 ? HALF + 1 - length : HALF + 1}
        y={2}
        width={length}
        height={10}
      />
      <line class="share-zero" x1={HALF + 1} x2={HALF + 1} y1={0} y2={14} />
    </svg>
  );
}

export function Models({ explanation }: { explanation: Explanation }) {
  const models = explanation.then.models ?? [];
  return (
    <>
      {models.map((model) => {
        const most = Math.max(...model.inputs.map((input) => Math.abs(input.contribution)));
        return (
          <details class="panel" key={model.name}>
            <summary>
              {clean(model.name)}: margin {numberOf(model.margin)}
            </summary>
            <div class="scroll-inside" role="region" aria-label={`Inputs of ${clean(model.name)}`} tabIndex={0}>
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">Input</th>
                    <th scope="col" class="number">
                      Value
                    </th>
                    <th scope="col" colSpan={2}>
                      Contribution
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {model.inputs.map((input) => (
                    <tr key={input.name}>
                      <td class="wraps">{clean(input.name)}</td>
                      <td class="number">{valueOf(input.value)}</td>
                      <td class="number">{numberOf(input.contribution)}</td>
                      <td>
                        <Bar value={input.contribution} most={most} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        );
      })}
    </>
  );
}
