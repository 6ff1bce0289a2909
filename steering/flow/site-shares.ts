/** To which sites the viewers of a group of prefixes go first; never changes, new shares take its place. */
export interface SiteShares {
  /** Names the state of the shares in logs and explanations. */
  readonly version: string;
  /**
   * @param group of the client, see ClientPlace
   * @param unit the session's own number in [0, 1): the same session goes to the same site while shares stay
   * @returns the site to look at first, or undefined where only nearness decides
   */
  preferredSite(group: string, unit: number): string | undefined;
}

export const NO_SHARES: SiteShares = { version: 'none', preferredSite: () => undefined };
