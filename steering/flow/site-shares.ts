/** What the shares go by of one client; a ClientPlace is one. */
export interface FlowClient {
  /** Its neighbourhood: small ones without shares of their own count with the others of their site and network. */
  readonly group: string;
  readonly siteId: string | undefined;
  readonly network: string | undefined;
}

/** To which sites the viewers of a group of prefixes go first; never changes, new shares take its place. */
export interface SiteShares {
  /** Names the state of the shares in logs and explanations. */
  readonly version: string;
  /**
   * @param unit the session's own number in [0, 1): the same session goes to the same site while shares stay
   * @returns the site to look at first, or undefined where only nearness decides
   */
  preferredSite(client: FlowClient, unit: number): string | undefined;
}

export const NO_SHARES: SiteShares = { version: 'none', preferredSite: () => undefined };
