/** Stands for a wire thread with a bug. */
throw new Error('a wire thread with a bug');
