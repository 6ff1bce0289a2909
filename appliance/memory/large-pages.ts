/**
 * Whether the kernel gives shared memory in pages larger than 4 KiB to who asks for them, and how large.
 *
 * sendfile looks every page up: for a MiB in 256 pages it takes 140 microseconds of processor, in one page of 1 MiB 85, in
 * 64 KiB pages 95, where ext4's page cache takes 93 (one core, loopback). Since Linux 6.11 sizes are switched on one by one
 * (Documentation/admin-guide/mm/transhuge.rst): `advise` gives them to mappings that ask by madvise(2), and to nobody else.
 *
 * Not larger than a slot: a hole that is smaller than its page is not taken out of the file but written over with zeros,
 * in place, under what is being sent. So pages of 2 MiB are of no use here, and memory-file.ts sees to it that none come.
 */
import { readFileSync } from 'node:fs';

const SIZES_KIB = [1024, 512, 256, 128, 64] as const;
const FOLDER = '/sys/kernel/mm/transparent_hugepage';
const GIVES = new Set(['always', 'within_size', 'advise']);

/** Bytes of the largest page that a mapping may ask for, at most a block's; 0 where all pages are small. */
export function largePageBytes(folder = FOLDER): number {
  const isOn = (file: string): boolean => {
    const chosen = chosenOf(`${folder}/${file}`);
    if (chosen === 'inherit') return GIVES.has(chosenOf(`${folder}/shmem_enabled`) ?? '');
    return chosen !== undefined && GIVES.has(chosen);
  };
  const sizeKib = SIZES_KIB.find((kib) => isOn(`hugepages-${kib}kB/shmem_enabled`));
  return (sizeKib ?? 0) * 1024;
}

/** `always inherit within_size [advise] never`: the word in brackets; undefined where there is no such file. */
function chosenOf(file: string): string | undefined {
  try {
    return /\[(\w+)\]/.exec(readFileSync(file, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}
