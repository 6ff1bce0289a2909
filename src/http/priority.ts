/**
 * The Priority field of a request that nobody waits for (RFC 9218 section 4.1: urgency 7 is for work in the background).
 * Appliances that fill by the plan ask each other so, and whoever is asked serves its viewers before.
 */
export const BACKGROUND_PRIORITY = 'u=7';
