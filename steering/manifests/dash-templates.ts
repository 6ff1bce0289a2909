import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { XmlError } from '../../src/xml/xml-document.ts';
import { type DashTemplate, prepareDash } from './render-dash.ts';

/** Prepared MPDs by title. The catalogue replaces its titles whole, so what was prepared for an old one goes with it. */
export class DashTemplates {
  readonly #prepared = new WeakMap<CatalogueTitle, DashTemplate | 'broken'>();

  /** undefined when the title has no MPD, or one that cannot be read. */
  find(title: CatalogueTitle): DashTemplate | undefined {
    let template = this.#prepared.get(title);
    if (template === undefined) {
      template = prepareOrBroken(title);
      this.#prepared.set(title, template);
    }
    return template === 'broken' ? undefined : template;
  }
}

function prepareOrBroken(title: CatalogueTitle): DashTemplate | 'broken' {
  if (title.dash === undefined) return 'broken';
  try {
    return prepareDash(title.dash, title.originUrl);
  } catch (error) {
    if (error instanceof XmlError) return 'broken';
    throw error;
  }
}
