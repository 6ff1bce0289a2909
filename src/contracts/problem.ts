import { z } from 'zod';

/** An error body of every JSON API: RFC 9457, with our stable `code` as an extension member. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().optional(),
  code: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;
