import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Listed, UseList } from '../../../../appliance/store/volume/use-list.ts';

class Member implements Listed<Member> {
  lessRecent: Member | undefined;
  moreRecent: Member | undefined;
  usedAt: number;
  readonly name: number;

  constructor(name: number, usedAt: number) {
    this.name = name;
    this.usedAt = usedAt;
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('use' as const, 'remove' as const), name: fc.nat(9) }),
    fc.record({ kind: fc.constant('merge' as const), names: fc.uniqueArray(fc.nat(9)), usedAt: fc.nat(100) }),
  ),
  { maxLength: 60, size: 'max' },
);

it('keeps its members in the order of their last use, whatever is used, removed and merged', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const list = new UseList<Member>();
      const members = new Map<number, Member>();
      let now = 100;
      for (const step of taken) {
        now += 1;
        if (step.kind === 'merge') {
          const fresh = step.names.filter((name) => !members.has(name));
          const merged = fresh.map((name, index) => new Member(name, (step.usedAt * (index + 1)) % now));
          list.merge(merged, ({ usedAt }) => usedAt);
          for (const member of merged) members.set(member.name, member);
          continue;
        }
        const member = members.get(step.name);
        if (step.kind === 'remove') {
          if (member !== undefined) list.remove(member);
          members.delete(step.name);
        } else if (member === undefined) {
          const added = new Member(step.name, now);
          members.set(step.name, added);
          list.add(added);
        } else {
          member.usedAt = now;
          list.use(member);
        }
      }
      const order = [...list];
      expect(list.size).toBe(members.size);
      expect(new Set(order)).toEqual(new Set(members.values()));
      expect(order.map(({ usedAt }) => usedAt)).toEqual(order.map(({ usedAt }) => usedAt).sort((a, b) => a - b));
      const back: Member[] = [];
      for (let member = order.at(-1); member !== undefined; member = member.lessRecent) back.unshift(member);
      expect(back).toEqual(order);
    }),
  );
});
