"""Draws the panels of the dashboard from what Prometheus answered, so that somebody can look at them: one PNG for each row.
Titles, units, legends and sizes are the dashboard's; fonts and colours are not Grafana's."""
import datetime
import math
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates  # noqa: E402
import matplotlib.pyplot as plot  # noqa: E402

COLUMN, LINE = 0.75, 0.42  # inches of a cell of the grid
NAMED = {"green": "#56a64b", "yellow": "#e0b400", "orange": "#ff780a", "red": "#e02f44"}


def rows_of(dashboard):
    """[(title, panels)]"""
    rows = []
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            rows.append((panel["title"], list(panel["panels"])))
        else:
            rows[-1][1].append(panel)
    return rows


def panels_of(dashboard):
    return [panel for _, panels in rows_of(dashboard) for panel in panels]


def scaled(value, step, names):
    for name in names[:-1]:
        if abs(value) < step:
            return f"{value:.3g} {name}".strip()
        value /= step
    return f"{value:.3g} {names[-1]}"


def seconds(value):
    if value == 0:
        return "0 s"
    for limit, factor, name in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (120, 1, "s"), (7200, 1 / 60, "min"), (172800, 1 / 3600, "h")):
        if abs(value) < limit:
            return f"{value * factor:.3g} {name}"
    return f"{value / 86400:.3g} d"


def spell(value, unit):
    """The value as Grafana shows it with this unit, about."""
    if math.isnan(value):
        return "–"
    if unit == "s":
        return seconds(value)
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
    ending = {"reqps": "req/s", "cps": "c/s"}.get(unit, "")
    return (scaled(value, 1000, ("", "K", "M", "G")) + " " + ending).strip()


def legend(target, labels):
    text = target["legendFormat"]
    if text == "__auto":
        return ", ".join(f"{key}={value}" for key, value in labels.items() if key != "__name__")
    for key, value in labels.items():
        text = text.replace("{{" + key + "}}", value)
    return text


def series_of(found):
    """(legend, times, values) of everything that has a value"""
    for target, series in found:
        for one in series:
            times = [datetime.datetime.fromtimestamp(float(at), datetime.timezone.utc) for at, _ in one["values"]]
            values = [float(value) for _, value in one["values"]]
            yield legend(target, one["metric"]), times, [math.nan if math.isinf(value) else value for value in values]


def with_gaps(times, values):
    """Where there is no sample, there is no line."""
    out_times, out_values = [], []
    for i, (at, value) in enumerate(zip(times, values)):
        if i and (at - times[i - 1]).total_seconds() > 1.5:
            out_times.append(times[i - 1] + datetime.timedelta(seconds=1))
            out_values.append(math.nan)
        out_times.append(at)
        out_values.append(value)
    return out_times, out_values


def color_of(panel, name):
    for one in panel["fieldConfig"]["overrides"]:
        if one["matcher"]["options"] == name:
            return NAMED[one["properties"][0]["value"]["fixedColor"]]
    return None


def draw_lines(axes, panel, found):
    unit = panel["fieldConfig"]["defaults"]["unit"]
    lines = list(series_of(found))
    is_stacked = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
    if is_stacked and lines:
        times = sorted({at for _, some, _ in lines for at in some})
        rows = [[dict(zip(some, values)).get(at, 0) for at in times] for _, some, values in lines]
        axes.stackplot(times, rows, labels=[name for name, _, _ in lines], colors=[color_of(panel, name) for name, _, _ in lines],
                       alpha=0.7)  # fmt: skip
    else:
        for name, times, values in lines:
            axes.plot(*with_gaps(times, values), label=name, linewidth=1.2, color=color_of(panel, name))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: spell(value, unit))
    axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(matplotlib.dates.AutoDateLocator(maxticks=6))
    axes.grid(alpha=0.3)
    if lines:
        axes.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=3, frameon=False)


def draw_heatmap(axes, found):
    buckets = sorted(((float(name), times, values) for name, times, values in series_of(found)), key=lambda one: one[0])
    times = sorted({at for _, some, _ in buckets for at in some})
    counts = [[dict(zip(some, values)).get(at, 0) for at in times] for _, some, values in buckets]
    own = [counts[0]] + [[max(0, b - a) for a, b in zip(below, above)] for below, above in zip(counts, counts[1:])]
    shown = [[math.log1p(value) for value in row] for row in own]
    axes.pcolormesh(range(len(times)), range(len(own)), shown, cmap="Oranges", shading="nearest")
    axes.set_yticks(range(len(own)), [seconds(bound) if math.isfinite(bound) else "more" for bound, _, _ in buckets], fontsize=6)
    places = range(0, len(times), max(1, len(times) // 5))
    axes.set_xticks(places, [times[place].strftime("%H:%M:%S") for place in places])


def draw_stat(axes, panel, found):
    last = [values[-1] for _, _, values in series_of(found) if values]
    defaults = panel["fieldConfig"]["defaults"]
    color = "green"
    for step in defaults["thresholds"]["steps"]:
        if last and (step["value"] is None or last[-1] >= step["value"]):
            color = step["color"]
    axes.text(0.5, 0.45, spell(last[-1], defaults["unit"]) if last else "No data", ha="center", va="center", fontsize=18,
              color=NAMED[color])  # fmt: skip
    axes.set_axis_off()


def draw_table(axes, found):
    rows = sorted({(one["metric"].get("alertname", ""), one["metric"].get("severity", ""), one["metric"].get("job", ""))
                   for _, series in found for one in series})  # fmt: skip
    axes.set_axis_off()
    if rows:
        table = axes.table(cellText=rows, colLabels=("alert", "severity", "job"), loc="center", cellLoc="left")
        table.set_fontsize(7)


def draw_panel(axes, panel, found):
    axes.set_title(panel["title"], fontsize=9, loc="left", pad=14 if panel["type"] == "table" else 6)
    axes.tick_params(labelsize=6)
    if panel["type"] == "timeseries":
        draw_lines(axes, panel, found)
    elif panel["type"] == "heatmap":
        draw_heatmap(axes, found)
    elif panel["type"] == "stat":
        draw_stat(axes, panel, found)
    else:
        draw_table(axes, found)


def draw(dashboard, data, folder):
    os.makedirs(folder, exist_ok=True)
    for number, (title, panels) in enumerate(rows_of(dashboard), 1):
        top = min(panel["gridPos"]["y"] for panel in panels)
        height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) - top
        picture = plot.figure(figsize=(24 * COLUMN, height * LINE + 0.5))
        picture.suptitle(title, fontsize=12)
        for panel in panels:
            place = panel["gridPos"]
            box = (place["x"] / 24 + 0.03, 1 - (place["y"] - top + place["h"]) / height * 0.95 - 0.02 + 0.075,
                   place["w"] / 24 - 0.045, place["h"] / height * 0.95 - 0.13)  # fmt: skip
            draw_panel(picture.add_axes(box), panel, data[panel["id"]])
        path = os.path.join(folder, f"{number}-{title.lower().replace(' ', '-')}.png")
        picture.savefig(path, dpi=75)
        plot.close(picture)
        print(path)
