/** The command-line parser of every `oca` command. */
export { Command, Option } from 'commander';
