"""The style sheet of the page with the findings of a check."""

from trainlint.report.probe_style import STYLE as BASE

STYLE = (
    BASE.split("svg.chart")[0]
    + """
h3 { margin: 0 0 .35rem; font-size: 1rem; }
article h3 .place { white-space: nowrap; }
article.blue { border-left-color: var(--blue); }
.blue { color: var(--blue); } article.blue { color: inherit; }
td { overflow-wrap: anywhere; }
ul.small { margin: .25rem 0; padding-left: 1.25rem; }
ul.small pre { margin: .25rem 0 .5rem; }
del, ins { display: block; text-decoration: none; margin: 0 -.75rem; padding: 0 .75rem; }
pre:has(del), pre:has(ins) { white-space: pre; }
del { background: color-mix(in srgb, var(--red) 14%, transparent); }
ins { background: color-mix(in srgb, var(--green) 16%, transparent); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media print { body { max-width: none; } article { break-inside: avoid; } }
"""
)
