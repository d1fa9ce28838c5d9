/** Dark or light: what the system says, until somebody says otherwise; and the colours that a canvas needs to know. */

export type ThemeName = 'dark' | 'light';

export interface Palette {
  readonly text: string;
  readonly faint: string;
  readonly grid: string;
  readonly surface: string;
  readonly total: string;
  /** Of a threshold, and of where it was crossed. */
  readonly bad: string;
  /** Names of the font, as in CSS. */
  readonly font: string;
  /** Colours of series, in order. */
  readonly series: readonly string[];
}

export interface Theme {
  current(): ThemeName;
  toggle(): void;
  palette(): Palette;
  /** @returns unsubscribe. */
  onChange(run: () => void): () => void;
}

const STORED = 'metricstream.theme';
export const SERIES_COLORS = 8;

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: color('text'),
    faint: color('text-faint'),
    grid: color('grid'),
    surface: color('surface'),
    total: color('text-faint'),
    bad: color('bad'),
    font: getComputedStyle(document.body).fontFamily,
    series: Array.from({ length: SERIES_COLORS }, (_, index) => color(`series-${index + 1}`)),
  };
}

/** @param storage may refuse: then the choice lasts as long as the page. */
export function createTheme(storage: () => Storage): Theme {
  const listeners = new Set<() => void>();
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const system = (): ThemeName => (systemDark.matches ? 'dark' : 'light');
  const attempt = <T>(run: (store: Storage) => T): T | undefined => {
    try {
      return run(storage());
    } catch {
      return undefined;
    }
  };
  const stored = attempt((store) => store.getItem(STORED));
  let chosen: ThemeName | undefined = stored === 'dark' || stored === 'light' ? stored : undefined;
  let palette: Palette | undefined;

  const current = (): ThemeName => chosen ?? system();
  const apply = (): void => {
    document.documentElement.dataset.theme = current();
    palette = undefined;
    for (const listener of listeners) listener();
  };
  systemDark.addEventListener('change', apply);
  apply();
  return {
    current,
    toggle() {
      const next: ThemeName = current() === 'dark' ? 'light' : 'dark';
      chosen = next === system() ? undefined : next;
      attempt((store) => (chosen === undefined ? store.removeItem(STORED) : store.setItem(STORED, chosen)));
      apply();
    },
    palette() {
      palette ??= readPalette();
      return palette;
    },
    onChange(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
  };
}
