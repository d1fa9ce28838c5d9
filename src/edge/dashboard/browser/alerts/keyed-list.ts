/** A list whose elements stay while their item does: focus, open menus and the place of a finger outlast each answer. */

export interface Item<T> {
  readonly element: HTMLElement;
  show(item: T): void;
  stop?(): void;
}

export class KeyedList<T> {
  readonly element: HTMLElement;
  readonly #keyOf: (item: T) => string;
  readonly #create: (item: T) => Item<T>;
  readonly #items = new Map<string, Item<T>>();
  #shown: readonly T[] = [];

  constructor(element: HTMLElement, keyOf: (item: T) => string, create: (item: T) => Item<T>) {
    this.element = element;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  /** Keys in the order on the screen. */
  get keys(): readonly string[] {
    return this.#shown.map(this.#keyOf);
  }

  set(items: readonly T[]): void {
    this.#shown = items;
    const wanted = new Set(items.map(this.#keyOf));
    for (const [key, item] of this.#items) {
      if (wanted.has(key)) continue;
      item.stop?.();
      item.element.remove();
      this.#items.delete(key);
    }
    let next = this.element.firstElementChild;
    for (const one of items) {
      const key = this.#keyOf(one);
      const item = this.#items.get(key) ?? this.#create(one);
      this.#items.set(key, item);
      item.show(one);
      if (item.element === next) next = next.nextElementSibling;
      else this.element.insertBefore(item.element, next);
    }
  }

  /** Brings ages up to date. */
  refresh(): void {
    for (const one of this.#shown) this.#items.get(this.#keyOf(one))?.show(one);
  }

  stop(): void {
    for (const item of this.#items.values()) item.stop?.();
  }
}
