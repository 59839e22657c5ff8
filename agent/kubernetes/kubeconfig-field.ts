import { CredentialsError } from './credentials.js';

/** Why a kubeconfig is not taken: a field of it is wrong, or (`path` is empty) the whole file. */
export class KubeconfigError extends CredentialsError {
  readonly file: string;
  /** As `users[0].user.exec.command`. */
  readonly path: string;
  /** What is wrong, in words that follow the path. */
  readonly why: string;

  constructor(file: string, path: string, why: string) {
    super(`${file}: ${path}${path && ' '}${why}`);
    this.name = 'KubeconfigError';
    this.file = file;
    this.path = path;
    this.why = why;
  }
}

/** A value in a kubeconfig and where it is. What it is asked for and is not throws {@link KubeconfigError}. */
export class Field {
  readonly #file: string;
  readonly #path: string;
  readonly #value: unknown;

  constructor(file: string, path: string, value: unknown) {
    this.#file = file;
    this.#path = path;
    this.#value = value ?? undefined;
  }

  get isAbsent(): boolean {
    return this.#value === undefined;
  }

  /** As it was read. */
  get raw(): unknown {
    return this.#value;
  }

  /** A field of this one; absent where this one is. */
  at(name: string): Field {
    if (this.#value !== undefined && (typeof this.#value !== 'object' || Array.isArray(this.#value)))
      this.fail('must be a mapping');
    const value = Object.entries(this.#value ?? {}).find(([key]) => key === name)?.[1];
    return new Field(this.#file, this.#path === '' ? name : `${this.#path}.${name}`, value);
  }

  /** Of a list; none where it is absent. */
  items(): readonly Field[] {
    const values = this.#value ?? [];
    if (!Array.isArray(values)) this.fail('must be a list');
    return values.map((value: unknown, index) => new Field(this.#file, `${this.#path}[${index}]`, value));
  }

  /** Undefined where it is absent or empty. */
  text(): string | undefined {
    if (this.#value !== undefined && typeof this.#value !== 'string') this.fail('must be a text');
    return this.#value === '' ? undefined : this.#value;
  }

  required(): string {
    return this.text() ?? this.fail('is missing');
  }

  flag(): boolean {
    if (this.#value !== undefined && typeof this.#value !== 'boolean') this.fail('must be true or false');
    return this.#value ?? false;
  }

  fail(why: string): never {
    throw new KubeconfigError(this.#file, this.#path, why);
  }
}
