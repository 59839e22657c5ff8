import { createInterface } from 'node:readline';

/** Answers the orders that come on standard input, each by the function of its name. */
export function takeOrders(orders: Readonly<Record<string, (detail: never) => unknown>>): void {
  const answer = (id: number, reply: object): void => {
    process.stdout.write(`${JSON.stringify({ id, ...reply })}\n`);
  };
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { id, what, detail } = JSON.parse(line) as { id: number; what: string; detail: never };
      Promise.resolve()
        .then(() => orders[what]!(detail))
        .then(
          (value) => answer(id, { value: value ?? null }),
          (error: Error) => answer(id, { error: error.stack ?? error.message }),
        );
    })
    .on('close', () => process.exit(0));
}
