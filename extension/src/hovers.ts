// Hovers of the server, with links that the editor can follow.

const PAGE_LINK = /\]\(<?file:[^)]*\/rules\/([a-z0-9-]+)\.md>?\)/g;

/** A hover whose link to a rule's page leads to the rendered page. */
export function linked(markdown: string): string {
  return markdown.replace(PAGE_LINK, (_, rule: string) => {
    const argument = encodeURIComponent(JSON.stringify([rule]));
    return `](command:trainlint.explainRule?${argument} "Show the page of this rule")`;
  });
}
