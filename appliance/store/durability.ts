/** What a block that was acknowledged outlives: the process, however it dies, or also a power cut. */
export type Durability = 'process' | 'power';
