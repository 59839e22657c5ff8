/** Something that is due once the events of a turn are handled. */
export interface TurnEnd {
  endTurn(): void;
}

let waiting: TurnEnd[] = [];

/** Events are being handled, at whose end all that waits is done. */
let isInTurn = false;

/** Ends `one` behind what goes on now: at the end of the turn, otherwise of the tick. */
export function atTurnsEnd(one: TurnEnd): void {
  if (waiting.push(one) === 1 && !isInTurn) process.nextTick(endTurn);
}

/** Handles what has come in: what it brings about on any connection leaves at its end, together. */
export function takeTurn<First, Second>(
  work: (first: First, second: Second) => void,
  first: First,
  second: Second,
): void {
  if (isInTurn) {
    work(first, second);
    return;
  }
  isInTurn = true;
  try {
    work(first, second);
  } finally {
    endTurn();
  }
}

function endTurn(): void {
  isInTurn = true;
  try {
    while (waiting.length > 0) {
      const ending = waiting;
      waiting = [];
      for (const one of ending) one.endTurn();
    }
  } finally {
    isInTurn = false;
  }
}
