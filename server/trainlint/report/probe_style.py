"""The style sheet of the page with the results of a probe."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f6f8fa; --text: #1f2328; --muted: #59636e; --line: #d1d9e0;
  --red: #cf222e; --yellow: #8a5a00; --green: #1a7f37; --blue: #0969da; --orange: #bc4c00; --purple: #8250df;
  --mark: #fff1c2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #151b23; --text: #e6edf3; --muted: #9198a1; --line: #3d444d;
    --red: #ff7b72; --yellow: #e3b341; --green: #56d364; --blue: #58a6ff; --orange: #ffa657; --purple: #bc8cff;
    --mark: #4b3a0f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 64rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 3rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line);
     overflow-wrap: anywhere; }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h4 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 46rem; }
.lead { font-size: 1.15rem; margin: .75rem 0; }
.muted, figcaption, footer { color: var(--muted); }
.small, figcaption, footer { font-size: .875rem; }
a { color: var(--blue); }
code, pre { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
pre { margin: .5rem 0; padding: .5rem .75rem; overflow-x: auto; background: var(--page);
      border: 1px solid var(--line); border-radius: .375rem; }
pre .number { color: var(--muted); user-select: none; }
mark { background: var(--mark); color: inherit; border-radius: .15rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0; }
.chip { display: inline-block; padding: 0 .6em; border: 1px solid currentColor; border-radius: 1em;
        font-size: .875em; font-weight: 600; }
.red { color: var(--red); } .yellow { color: var(--yellow); } .green { color: var(--green); }
.cyan { color: var(--blue); }
.meaning { font-weight: 400; }
article { margin: .75rem 0; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line);
          border-left-width: .3rem; border-radius: .375rem; }
article.red { border-left-color: var(--red); } article.yellow { border-left-color: var(--yellow); }
article.green { border-left-color: var(--green); } article.cyan { border-left-color: var(--blue); }
article.red, article.yellow, article.green, article.cyan { color: inherit; }
article .place { font-weight: 400; color: var(--muted); margin-left: .75em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: .5rem 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .75rem 0; font-size: .9375rem; }
caption { text-align: left; color: var(--muted); font-size: .875rem; padding-bottom: .35rem; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--muted); font-weight: 600; font-size: .875rem; }
tbody th { font-weight: 400; }
tbody th.inside { padding-left: 1.25rem; }
tr.group th { color: var(--muted); font-size: .875rem; padding-top: .75rem; }
td.numeric, th.numeric { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.strong { font-weight: 600; }
figure { margin: 1rem 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; margin: 1rem 0; }
.grid figure { margin: 0; padding: .75rem; background: var(--card); border: 1px solid var(--line);
               border-radius: .375rem; }
.grid figcaption { color: var(--text); overflow-wrap: anywhere; line-height: 1.35; min-height: 2.4rem; }
.grid .what { margin: .5rem 0 0; font-size: .75rem; color: var(--muted); }
details { margin: .75rem 0; }
summary { cursor: pointer; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: .2rem; }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: .5rem 0;
       font-size: .875rem; color: var(--muted); }
.sample { width: 1.75rem; height: .75rem; vertical-align: -.05rem; margin-right: .35rem; }
svg.chart { display: block; width: 100%; height: auto; max-width: 45rem; }
.chart text { font: 10px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--muted); }
.chart .background { fill: none; }
.chart .axis .line { stroke: var(--muted); stroke-width: 1; fill: none; }
.chart .axis .guide.line { stroke: var(--line); }
.chart .axis.x text { text-anchor: middle; }
.chart .axis.y text { text-anchor: end; }
.chart .line { fill: none; }
.horizontal .axis.y text { font-size: 12px; fill: var(--text); }
.horizontal .axis.y .guide.line { stroke: none; }
.xy-graph .axis.x .guide.line { stroke: none; }
.seed path { stroke: var(--muted); stroke-width: 1; fill: none; opacity: .55; }
.mean path { stroke: var(--text); stroke-width: 2.5; fill: none; stroke-linejoin: round; }
.mean.red path { stroke: var(--red); } .mean.yellow path { stroke: var(--yellow); }
.mean.green path { stroke: var(--green); }
.reference path { stroke: var(--blue); stroke-width: 1.5; fill: none; stroke-dasharray: 4 3; }
.written rect { fill: var(--orange); } .repaired rect { fill: var(--blue); }
.task-0 rect { fill: var(--blue); } .task-1 rect { fill: var(--purple); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media print { body { max-width: none; } article, figure { break-inside: avoid; } }
"""
