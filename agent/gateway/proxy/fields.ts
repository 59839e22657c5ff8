import type { FieldLines } from '../exchange.js';

/** Whether a field's name is `lower`, which is in lower case. */
export function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower);
}

/** The value of the first line of that name (in lower case). */
export function fieldOf(fields: FieldLines, lower: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    if (isNamed(fields[index]!, lower)) return fields[index + 1]!;
  }
  return undefined;
}

/** All values of that name (in lower case), joined by a comma; undefined without a line. */
export function joinedField(fields: FieldLines, lower: string): string | undefined {
  let value: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    if (isNamed(fields[index]!, lower)) {
      value = value === undefined ? fields[index + 1]! : `${value},${fields[index + 1]!}`;
    }
  }
  return value;
}

/** Takes out every line of that name (in lower case). */
export function removeField(fields: FieldLines, lower: string): void {
  let kept = 0;
  for (let index = 0; index < fields.length; index += 2) {
    if (isNamed(fields[index]!, lower)) continue;
    fields[kept] = fields[index]!;
    fields[kept + 1] = fields[index + 1]!;
    kept += 2;
  }
  fields.length = kept;
}

/** One line of that name and no other; where the first was, or last. */
export function setField(fields: FieldLines, lower: string, value: string, name: string = lower): void {
  let kept = 0;
  let isSet = false;
  for (let index = 0; index < fields.length; index += 2) {
    const isOne = isNamed(fields[index]!, lower);
    if (isOne && isSet) continue;
    fields[kept] = fields[index]!;
    fields[kept + 1] = isOne ? value : fields[index + 1]!;
    isSet ||= isOne;
    kept += 2;
  }
  fields.length = kept;
  if (!isSet) fields.push(name, value);
}
