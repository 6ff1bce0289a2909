/**
 * What a request is for, in the order in which it is kept up under overload: the first answer of a session, without
 * which nothing plays; the next answer of one that plays; the same for programs; what players report.
 */
export const WORK_CLASSES = ['first', 'running', 'ask', 'report'] as const;
export type WorkClass = (typeof WORK_CLASSES)[number];
