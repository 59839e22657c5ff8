/** A deck is at least so large, so that its order is hard to guess, and at most so large. */
const smallestDeck = 64;
const largestDeck = 4096;

/**
 * Choices by integer weights, without replacement: of as many picks as the deck has cards, each choice gets exactly its share, in random order.
 * Shares are then exact soon, and yet no client can fall into step with them. Weights whose deck would be too large are drawn freely.
 */
export class WeightedDeck {
  readonly #weights: readonly number[];
  readonly #total: number;
  readonly #cards: Uint16Array;
  readonly #random: () => number;
  #left = 0;

  /** `random`: in [0, 1). At least one weight is above 0. */
  constructor(weights: readonly number[], random: () => number) {
    const divisor = weights.reduce(greatestCommonDivisor, 0);
    this.#weights = weights.map((weight) => weight / divisor);
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.#random = random;
    const copies = this.#total > largestDeck ? 0 : Math.ceil(smallestDeck / this.#total);
    this.#cards = Uint16Array.from(
      copies === 0 ? [] : this.#weights.flatMap((weight, index) => Array<number>(weight * copies).fill(index)),
    );
  }

  /** The index of a weight. */
  draw(): number {
    const cards = this.#cards;
    if (cards.length === 0) return this.#drawFreely();
    if (this.#left === 0) this.#left = cards.length;
    const place = Math.floor(this.#random() * this.#left);
    this.#left--;
    const card = cards[place]!;
    cards[place] = cards[this.#left]!;
    cards[this.#left] = card;
    return card;
  }

  #drawFreely(): number {
    let point = Math.floor(this.#random() * this.#total);
    for (const [index, weight] of this.#weights.entries()) {
      if (point < weight) return index;
      point -= weight;
    }
    throw new Error('a point lies beyond the total of the weights');
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
