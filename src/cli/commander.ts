/** The command-line parser of every `oca` command. */
export { Command, CommanderError, Option } from 'commander';
