import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ContractError } from '../../../src/contracts/contract.ts';
import { parseRouteReport, type RouteReport } from '../../../src/contracts/route-report.ts';
import { isOperational, messageOf } from '../../../src/errors/operational-error.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { columnsOf, type PrefixTableData, withOwnColumns } from '../build-prefix-table.ts';
import type { ReportedPlace } from './merge-reports.ts';
import { ReportLedger } from './report-ledger.ts';
import type {
  BuildOutcome,
  NumberedAnswer,
  NumberedQuestion,
  ReportAnswers,
  ReportQuestion,
  ReportThreadData,
  TakeOutcome,
} from './report-messages.ts';
import { ReportStore } from './report-store.ts';

/** The thread of the reports: parses, filters, keeps and merges them, so that players never wait for it. */
const { file, rules, maxRoutes } = workerData as ReportThreadData;
const ledger = new ReportLedger(rules);
let store: ReportStore | undefined;

const port = parentPort as MessagePort;
port.on('message', ({ number, question }: NumberedQuestion) => {
  try {
    const answer = answerTo(question);
    port.postMessage({ number, answer } satisfies NumberedAnswer, buffersOf(answer));
    if (question.kind === 'close') port.close();
  } catch (error) {
    if (!isOperational(error)) throw error;
    port.postMessage({ number, failure: { code: error.code, detail: error.detail } } satisfies NumberedAnswer);
  }
});

function answerTo(question: ReportQuestion): ReportAnswers[keyof ReportAnswers] {
  switch (question.kind) {
    case 'open':
      return open();
    case 'take':
      return take(question.body, question.senderId);
    case 'forget':
      ledger.forget(question.applianceId);
      store?.forget(question.applianceId);
      return undefined;
    case 'build':
      return build(question);
    case 'accept':
      ledger.accept();
      return undefined;
    case 'summaries':
      return ledger.summaries();
    case 'find':
      return ledger.find({ words: question.words });
    case 'lint':
      return ledger.lint(question.fleet);
    case 'close':
      store?.close();
      return undefined;
  }
}

function open(): ReportAnswers['open'] {
  let damaged: string | undefined;
  const note = (fields: object, message: string): void => {
    damaged = `${message} ${JSON.stringify(fields)}`;
  };
  store = new ReportStore(file, { ...silentLogger, error: note });
  const reporters = new Map<string, string>();
  for (const report of store.load()) {
    ledger.take(report, undefined);
    reporters.set(report.applianceId, report.siteId);
  }
  return { reporters, problem: damaged };
}

function take(body: Uint8Array, senderId: string | undefined): TakeOutcome {
  let report: RouteReport;
  try {
    report = parseRouteReport(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch (error) {
    if (error instanceof ContractError || error instanceof SyntaxError)
      return { kind: 'malformed', says: messageOf(error) };
    throw error;
  }
  const { applianceId, siteId } = report;
  if (senderId !== undefined && senderId !== applianceId) return { kind: 'not-yours', applianceId };
  if (report.routes.length > maxRoutes) return { kind: 'too-many', routes: report.routes.length };
  const filtered = ledger.take(report, body);
  if (filtered === undefined) return { kind: 'old' };
  const { ipv4, ipv6 } = filtered.columns;
  return { kind: 'taken', applianceId, siteId, routes: ipv4.count + ipv6.count, refused: filtered.refused };
}

function build({ nowMs, silent, networks }: Extract<ReportQuestion, { kind: 'build' }>): BuildOutcome {
  ledger.setSilent(silent);
  ledger.setNetworks(networks);
  const { table, held, adopted, leaked } = ledger.build(nowMs);
  return {
    // The thread compares the next table with this one, so what travels is a copy.
    table: table && withOwnColumns(table),
    held,
    leaked,
    storeProblem: save(adopted),
  };
}

/** A disk that takes nothing costs the memory of a restart, not the routes. */
function save(bodies: ReadonlyMap<string, Uint8Array>): string | undefined {
  if (bodies.size === 0) return undefined;
  try {
    store?.save(bodies);
    return undefined;
  } catch (error) {
    if (!isOperational(error)) throw error;
    return error.message;
  }
}

function buffersOf(answer: ReportAnswers[keyof ReportAnswers]): ArrayBuffer[] {
  const table: PrefixTableData<ReportedPlace> | undefined =
    typeof answer === 'object' && answer !== null && 'table' in answer ? answer.table : undefined;
  return table === undefined ? [] : columnsOf(table);
}
