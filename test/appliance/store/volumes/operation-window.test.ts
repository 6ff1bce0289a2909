import { expect, it } from 'vitest';
import { OperationWindow } from '../../../../appliance/store/volumes/operation-window.ts';

const good = { isError: false, isSlow: false };

it('counts what was within the window and forgets what is older, a step at a time', () => {
  const window = new OperationWindow(60_000);
  window.note(5000, { isError: true, isSlow: false });
  window.note(15_000, { isError: false, isSlow: true });
  window.note(55_000, good);
  expect(window.total(59_000)).toEqual({ operations: 3, errors: 1, slow: 1 });
  expect(window.total(60_000)).toEqual({ operations: 2, errors: 0, slow: 1 });
  expect(window.total(70_000)).toEqual({ operations: 1, errors: 0, slow: 0 });
  expect(window.total(1e9)).toEqual({ operations: 0, errors: 0, slow: 0 });
});

it('begins at any time, and again when it is cleared', () => {
  const window = new OperationWindow(60_000);
  window.note(123, good);
  window.note(9_999_999, good);
  expect(window.total(9_999_999).operations).toBe(1);
  window.clear();
  expect(window.total(9_999_999).operations).toBe(0);
});
