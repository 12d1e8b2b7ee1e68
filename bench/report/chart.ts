import { digits, type Bar } from './report.ts';

const [width, labelWidth, barHeight, gap, margin] = [760, 190, 24, 8, 24];
const colours: Record<string, string> = { Lanyard: '#2f6feb' };

/** Bars with the middle half of the rounds as a line, one scale per group; readable in light and dark themes. */
export function chartOf(bars: Bar[], conditions: string): string {
  const groups = Object.entries(Object.groupBy(bars, ({ group }) => group)) as [string, Bar[]][];
  const parts: string[] = [];
  let y = margin;
  for (const [group, members] of groups) {
    parts.push(text(margin, y + 12, group, 'font-weight="600"'));
    y += 26;
    const scale = (width - labelWidth - margin - 110) / Math.max(...members.map(({ perSecond }) => perSecond.to));
    for (const { name, perSecond } of members) {
      const middle = y + barHeight / 2;
      const [from, to, end] = [perSecond.from, perSecond.to, perSecond.median].map(
        (value) => labelWidth + value * scale,
      );
      parts.push(
        text(labelWidth - 10, middle + 4, name, 'text-anchor="end"'),
        `<rect x="${labelWidth}" y="${y}" width="${(end! - labelWidth).toFixed(1)}" height="${barHeight}" rx="2" fill="${colours[name] ?? '#9aa4b2'}"/>`,
        `<path d="M${from!.toFixed(1)} ${middle}H${to!.toFixed(1)}M${from!.toFixed(1)} ${middle - 4}v8M${to!.toFixed(1)} ${middle - 4}v8" stroke="#c2410c" fill="none"/>`,
        text(Math.max(to!, end!) + 8, middle + 4, digits(perSecond.median)),
      );
      y += barHeight + gap;
    }
    y += margin;
  }
  parts.push(text(margin, y, conditions, 'font-size="11"'));
  const height = y + margin;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Requests per second">
<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>
<g font-family="system-ui, sans-serif" font-size="13" fill="#1f2328">
${parts.join('\n')}
</g>
</svg>
`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}"${attributes && ` ${attributes}`}>${escaped}</text>`;
}
