/** Stands for a wire thread that leaves its loop though nobody asked it to. */
export {};
