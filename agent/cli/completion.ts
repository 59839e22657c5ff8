import { Argument, type Command } from 'commander';
import { connectAgent } from './agent-client.js';
import { type KindName, kindNames, kinds } from './kinds.js';
import { print } from './terminal.js';

/** A command as completion sees it. */
interface Word {
  readonly name: string;
  readonly description: string;
  readonly options: readonly string[];
  /** Values of the first argument: fixed ones, or the kind whose names the agent is asked for. */
  readonly values: readonly string[];
  readonly objects: KindName | 'files' | undefined;
}

const objectArguments: Readonly<Record<string, Word['objects']>> = {
  weight: 'services',
  drain: 'backends',
  undrain: 'backends',
  validate: 'files',
  diff: 'files',
};

function wordsOf(program: Command): readonly Word[] {
  return program.commands
    .filter((command) => command.name() !== namesCommand)
    .map((command) => ({
      name: command.name(),
      description: command.description(),
      options: [
        ...command.options.flatMap((option) =>
          [option.long, option.short].filter((text) => text !== undefined && text !== null),
        ),
        '--help',
      ] as string[],
      values: [...(command.registeredArguments[0]?.argChoices ?? [])],
      objects: objectArguments[command.name()],
    }));
}

const namesCommand = '__names';

/** In single quotes for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(words: readonly Word[]): string {
  const cases = words.map(({ name, options, values, objects }) => {
    const asked =
      objects === 'files'
        ? 'COMPREPLY+=($(compgen -f -- "$word"))'
        : objects === undefined
          ? ''
          : `_weft_names ${objects}`;
    const kinds = name === 'get' ? '[ "$COMP_CWORD" -ge 3 ] && _weft_names "$kind"' : '';
    return `    ${name}) COMPREPLY=($(compgen -W ${quote([...options, ...values].join(' '))} -- "$word")); ${asked || kinds || ':'} ;;`;
  });
  return `# weft completion for bash: eval "$(weft completion bash)"
_weft_names() {
  COMPREPLY+=($(compgen -W "$(weft ${namesCommand} "$1" 2>/dev/null)" -- "$word"))
}
_weft() {
  local word=\${COMP_WORDS[COMP_CWORD]} kind=\${COMP_WORDS[2]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quote([...words.map((each) => each.name), '--help', '--version', '--api'].join(' '))} -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
}
complete -o default -F _weft weft`;
}

function zsh(words: readonly Word[]): string {
  const described = words.map(
    ({ name, description }) => `    ${quote(`${name}:${description.replaceAll(':', '\\:')}`)}`,
  );
  const cases = words.map(({ name, options, values, objects }) => {
    const asked =
      objects === 'files'
        ? '_files'
        : objects === undefined
          ? name === 'get'
            ? '_weft_names $words[3]'
            : ''
          : `_weft_names ${objects}`;
    return `    ${name}) compadd -- ${[...options, ...values].map(quote).join(' ')}; ${asked || ':'} ;;`;
  });
  return `#compdef weft
# weft completion for zsh: eval "$(weft completion zsh)"
_weft_names() {
  compadd -- $(weft ${namesCommand} "$1" 2>/dev/null)
}
_weft() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    compadd -- --help --version --api
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
}
compdef _weft weft`;
}

function fish(words: readonly Word[]): string {
  const lines = words.flatMap(({ name, description, options, values, objects }) => {
    const when = `-n '__fish_seen_subcommand_from ${name}'`;
    const flags = options.map((option) =>
      option.startsWith('--')
        ? `complete -c weft ${when} -l ${option.slice(2)}`
        : `complete -c weft ${when} -s ${option.slice(1)}`,
    );
    const asked =
      objects === 'files'
        ? [`complete -c weft ${when} -F`]
        : objects === undefined
          ? []
          : [`complete -c weft ${when} -f -a '(weft ${namesCommand} ${objects} 2>/dev/null)'`];
    return [
      `complete -c weft -n __fish_use_subcommand -f -a ${name} -d ${quote(description)}`,
      ...flags,
      ...(values.length === 0 ? [] : [`complete -c weft ${when} -f -a ${quote(values.join(' '))}`]),
      ...asked,
      ...(name === 'get'
        ? kindNames.map(
            (kind) =>
              `complete -c weft -n '__fish_seen_subcommand_from get; and __fish_seen_subcommand_from ${kind}' -f -a '(weft ${namesCommand} ${kind} 2>/dev/null)'`,
          )
        : []),
    ];
  });
  return `# weft completion for fish: weft completion fish | source\n${lines.join('\n')}`;
}

const shells = { bash, zsh, fish } as const;

/** What NAME of `weft get KIND NAME` may be. */
function namesOf(kind: KindName, items: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const field = {
    services: 'service',
    backends: 'backend',
    routes: 'service',
    conditions: 'resource',
    pods: 'pod',
    tables: 'table',
    problems: 'code',
  }[kind];
  return [...new Set(items.map((item) => String(item[field])))].sort();
}

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script')
    .addArgument(new Argument('<shell>', 'of which shell').choices(Object.keys(shells)))
    .action((shell: keyof typeof shells) => print(shells[shell](wordsOf(program))));
  const names = program
    .command(namesCommand, { hidden: true })
    .addArgument(new Argument('<kind>').choices(Object.keys(kinds)))
    .action(async (kind: KindName) => {
      const { items } = await connectAgent(names).call<{ readonly items: readonly Record<string, unknown>[] }>(
        'GET',
        `/v1/${kind}`,
      );
      for (const name of namesOf(kind, items)) print(name);
    });
}
