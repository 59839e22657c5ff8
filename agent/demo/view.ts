import { type Line, paint } from './paint.js';
import type { Event, Scene } from './scene.js';
import { drawLine, drawScreen } from './screen.js';

/** Shows a running demo. */
export interface View {
  /** Once, when it happened. */
  tell(event: Event): void;
  /** Called `pace` ms after the last time. */
  show(scene: Scene): void;
  readonly pace: number;
  /** Gives the terminal back. */
  close(): void;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** https://no-color.org: any value but the empty one. */
export function wantsColor(output: Output, environment: NodeJS.ProcessEnv): boolean {
  return output.isTTY === true && (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb';
}

/** Redraws in place on a terminal; elsewhere one line a second on `words`. */
export function openView(output: Output, words: Output, environment: NodeJS.ProcessEnv): View {
  const live = output.isTTY === true && environment.TERM !== 'dumb';
  return live ? new LiveView(output, wantsColor(output, environment)) : new LineView(words);
}

/** Alternate screen (1049), hidden cursor (25), and drawing in one step where the terminal can (2026). */
const enter = '\x1b[?1049h\x1b[?25l\x1b[2J';
const leave = '\x1b[?25h\x1b[?1049l';
const beginDrawing = '\x1b[?2026h\x1b[H';
const endDrawing = '\x1b[J\x1b[?2026l';

class LiveView implements View {
  readonly pace = 250;
  readonly #output: Output;
  readonly #color: boolean;

  constructor(output: Output, color: boolean) {
    this.#output = output;
    this.#color = color;
    output.write(enter);
  }

  tell(): void {}

  show(scene: Scene): void {
    const { columns = 80, rows = 24 } = this.#output;
    const lines = drawScreen(scene, columns, rows - 1).slice(0, rows - 1);
    const text = lines.map((line) => `${paint(line, columns, this.#color)}\x1b[K\n`).join('');
    this.#output.write(`${beginDrawing}${text}${endDrawing}`);
  }

  close(): void {
    this.#output.write(leave);
  }
}

class LineView implements View {
  readonly pace = 1000;
  readonly #words: Output;

  constructor(words: Output) {
    this.#words = words;
  }

  tell({ at, text }: Event): void {
    this.#words.write(`${at.toFixed(1).padStart(6)} s  ${text}\n`);
  }

  show(scene: Scene): void {
    if (scene.phase !== null || scene.requests > 0) this.#words.write(`${drawLine(scene)}\n`);
  }

  close(): void {}
}

/** Lines of any length as text that ends with a line feed. */
export function paintAll(lines: readonly Line[], output: Output, environment: NodeJS.ProcessEnv): string {
  const color = wantsColor(output, environment);
  return lines.map((line) => `${paint(line, Number.POSITIVE_INFINITY, color).trimEnd()}\n`).join('');
}
