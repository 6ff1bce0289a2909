import { readFileSync } from 'node:fs';

/** To be imported by a process before anything else (`--import`): its wall clock is ahead by the ms that a file says. */
const file = process.env['OCA_TEST_CLOCK_FILE'] ?? '';
const nowMs = Date.now.bind(Date);
Date.now = () => nowMs() + Number(readFileSync(file, 'utf8'));
