import { digits } from './numbers';

export interface Bar {
  readonly value: number;
  readonly label: string;
}

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  /** Of the values, for the axis. */
  readonly unit: string;
  /** Names and colours of the series, in order. */
  readonly series: readonly { readonly name: string; readonly colour: string }[];
  /** One bar for each series; undefined where a series has none. */
  readonly groups: readonly { readonly name: string; readonly bars: readonly (Bar | undefined)[] }[];
}

const WIDTH = 900;
const LEFT = 250;
const RIGHT = 110;
const BAR = 14;
const GAP = 16;
const TOP = 88;

/** A bar chart with a logarithmic axis, as SVG that reads well on light and dark pages. */
export function barChart({ title, subtitle, unit, series, groups }: BarChart): string {
  const values = groups.flatMap((group) =>
    group.bars.flatMap((bar) => (bar === undefined ? [] : [bar.value])),
  );
  const low = 10 ** Math.floor(Math.log10(Math.min(...values.filter((value) => value > 0))));
  const high = Math.max(...values);
  const scale = (value: number) =>
    value <= low ? 2 : 2 + ((WIDTH - LEFT - RIGHT) * Math.log(value / low)) / Math.log(high / low);

  const parts: string[] = [];
  let y = TOP;
  for (const { name, bars } of groups) {
    const height = bars.length * BAR;
    parts.push(text(LEFT - 12, y + height / 2 + 4, name, 'end', 'name'));
    bars.forEach((bar, index) => {
      const top = y + index * BAR;
      const { colour } = series[index] ?? { colour: 'gray' };
      if (bar === undefined) return;
      parts.push(
        `<rect x="${LEFT}" y="${top}" width="${scale(bar.value).toFixed(1)}" height="${BAR - 2}" fill="${colour}" rx="2"/>`,
        text(LEFT + scale(bar.value) + 6, top + BAR - 4, bar.label, 'start', 'value'),
      );
    });
    y += height + GAP;
  }
  const legend = series.map(({ name, colour }, index) => {
    const x = 24 + index * 170;
    return `<rect x="${x}" y="58" width="12" height="12" fill="${colour}" rx="2"/>${text(x + 18, 68, name, 'start', 'value')}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" font-family="system-ui, sans-serif">`,
    '<style>text{fill:#444}.title{font-size:18px;font-weight:600}.sub,.value{font-size:11px}.name{font-size:13px}',
    '@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>',
    text(24, 28, title, 'start', 'title'),
    text(24, 46, `${subtitle} Logarithmic axis from ${digits(low)} ${unit}.`, 'start', 'sub'),
    ...legend,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end', style: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" class="${style}">${escaped}</text>`;
}
