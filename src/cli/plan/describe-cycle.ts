import { z } from 'zod';
import { formatBytes } from '../quantity.ts';
import { formatTable } from '../table.ts';
import { wrapWords } from './wrap-words.ts';

/** What a plan cycle reports, as far as it is shown. */
export const cycleSchema = z.object({
  catalogueVersion: z.number(),
  fleetVersion: z.number(),
  appliances: z.array(
    z.object({
      applianceId: z.string(),
      planVersion: z.number(),
      outcome: z.string(),
      renditionCount: z.number(),
      fileCount: z.number(),
      planBytes: z.number(),
    }),
  ),
  leftOut: z.record(z.string(), z.array(z.string())),
  notHeld: z.record(z.string(), z.number()),
  hasDemand: z.boolean(),
  published: z.record(z.string(), z.object({ kind: z.enum(['publish', 'keep']), because: z.string() })),
  returned: z.string().optional(),
});
export type CycleAnswer = z.infer<typeof cycleSchema>;

/** The order in which they are told. */
const NOT_HELD: Readonly<Record<string, string>> = {
  'not-worth-fetching': 'not worth fetching: a fill costs more than it saves',
  'more-than-is-watched': 'waiting: more would be fetched today than is watched',
  'fill-budget': 'waiting: what their site may fetch goes to better ones',
  wear: 'waiting: the disks have been written enough for a day',
  retired: 'retired',
};

/**
 * What a cycle planned and, as important, what it did not plan and why, for people.
 * @param width of the terminal in characters; undefined when there is none
 */
export function describeCycle(cycle: CycleAnswer, width: number | undefined = process.stdout.columns): string {
  const { catalogueVersion, fleetVersion, appliances, leftOut, notHeld, hasDemand, published, returned } = cycle;
  const head = `planned catalogue ${catalogueVersion} on fleet ${fleetVersion}\n`;
  if (appliances.length === 0) return `${head}The fleet has no appliances: 'oca fleet set --help' shows an example\n`;
  const rows = appliances.map((each) => [
    each.applianceId,
    String(each.planVersion),
    each.outcome,
    String(each.renditionCount),
    String(each.fileCount),
    formatBytes(each.planBytes),
  ]);
  const lines = [
    ...(returned === undefined ? [] : [returned]),
    ...Object.entries(published).flatMap(([cluster, { kind, because }]) =>
      kind === 'keep' && because !== returned ? [`cluster ${cluster} keeps its plan: ${because}`] : [],
    ),
    ...Object.entries(leftOut).map(
      ([cluster, renditions]) => `cluster ${cluster} has no room for ${counted(renditions.length)}`,
    ),
    ...notHeldLines(notHeld),
  ];
  const text = `${head}${formatTable(['APPLIANCE', 'PLAN', 'OUTCOME', 'RENDITIONS', 'FILES', 'SIZE'], rows)}\n`;
  const isWaiting = !hasDemand && (notHeld['not-worth-fetching'] ?? 0) > 0;
  return `${text}${[...lines, ...(isWaiting ? WITHOUT_DEMAND : [])].map((line) => `${wrapWords(line, (width ?? Number.POSITIVE_INFINITY) - 4, '    ')}\n`).join('')}`;
}

function notHeldLines(notHeld: CycleAnswer['notHeld']): string[] {
  const lines = Object.entries(NOT_HELD).flatMap(([verdict, words]) => {
    const count = notHeld[verdict] ?? 0;
    return count === 0 ? [] : [`  ${counted(count)} ${words}`];
  });
  return lines.length === 0
    ? []
    : ["not held, counted once per cluster ('oca plan explain TITLE' tells of each):", ...lines];
}

const counted = (count: number): string => `${count} ${count === 1 ? 'rendition' : 'renditions'}`;

/** The surprise of every first night: a fleet, titles, and empty plans. */
const WITHOUT_DEMAND = [
  '',
  'No appliance has told of viewers yet, and nothing is fetched on a guess:',
  'fills begin when titles are watched. To fill before that:',
  '  oca calendar pin TITLE                      whatever its demand',
  '  oca calendar launch TITLE --at TIME --bytes-per-day BYTES',
  '  oca fill-planner --min-saved-per-filled 0   whatever there is room for',
];
