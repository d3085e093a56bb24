/**
 * What shells of ours run behind the user's own startup files: `lm` is found, and marks (OSC 633, as VS Code's terminal
 * documents them) say where a prompt, a command and its output begin, how it ended, and in which folder. The nonce lets
 * the editor believe the command line; it is gone from the environment before anything of the user's runs.
 */

/** Text of a shell as it stands: only `\${` is written with a backslash, which goes. */
function shell({ raw }: TemplateStringsArray, ...values: readonly string[]): string {
  const parts = raw.map((part) => part.replaceAll('\\${', '$' + '{'));
  return parts.map((part, i) => part + (values[i] ?? '')).join('');
}

/** In bash and zsh: `text` as it may stand in a mark. */
const ESCAPE_TEXT = shell`  text=\${text//\\/\\\\}
  text=\${text//;/\\x3b}
  text=\${text//$'\n'/\\x0a}
  text=\${text//$'\r'/\\x0d}
  text=\${text//$'\e'/\\x1b}
  text=\${text//$'\a'/\\x07}`;

/** Instead of .bashrc, which bash reads from the login files itself (bash(1), INVOCATION). */
const BASH = shell`__lm_nonce=$LIVEMOUNT_NONCE __lm_bin=$LIVEMOUNT_BIN
unset LIVEMOUNT_NONCE LIVEMOUNT_BIN
[ -r /etc/profile ] && . /etc/profile
for __lm_file in ~/.bash_profile ~/.bash_login ~/.profile; do
  if [ -r "$__lm_file" ]; then . "$__lm_file"; break; fi
done
unset __lm_file
case $- in *i*) ;; *) return ;; esac
PATH=$__lm_bin:$PATH
__lm_escape() {
  local LC_ALL=C text=$1
${ESCAPE_TEXT}
  printf '%s' "$text"
}
__lm_begins() {
  local now
  now=$(HISTTIMEFORMAT= builtin history 1)
  if [ "$now" != "$__lm_last" ]; then
    [[ $now =~ ^\ *[0-9]+\*?\ +(.*)$ ]]
    printf '\e]633;E;%s;%s\a' "$(__lm_escape "\${BASH_REMATCH[1]}")" "$__lm_nonce"
  fi
  printf '\e]633;C\a'
}
__lm_prompt() {
  local status=$?
  if [ -n "$__lm_ran" ]; then printf '\e]633;D;%s\a' "$status"; else printf '\e]633;D\a'; fi
  __lm_ran=
  __lm_last=$(HISTTIMEFORMAT= builtin history 1)
  printf '\e]633;P;Cwd=%s\a' "$(__lm_escape "$PWD")"
  if [ "$PS1" != "$__lm_ps1" ]; then
    PS1='\[\e]633;A\a\]'$PS1'\[\e]633;B\a\]'
    __lm_ps1=$PS1
  fi
  return "$status"
}
PS0='\${PS0:$((__lm_ran=1,0)):0}$(__lm_begins)'$PS0
PROMPT_COMMAND="__lm_prompt\${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
`;

/** In a ZDOTDIR of ours, each of which hands over to the user's of the same name. */
const ZSH_FILE = (name: string) => shell`__lm_theirs=\${LIVEMOUNT_ZDOTDIR:-$HOME}
if [[ -r $__lm_theirs/${name} ]]; then
  __lm_ours=$ZDOTDIR ZDOTDIR=$__lm_theirs
  . $__lm_theirs/${name}
  [[ $ZDOTDIR == $__lm_theirs ]] || LIVEMOUNT_ZDOTDIR=$ZDOTDIR
  ZDOTDIR=$__lm_ours
fi
`;

const ZSH_RC = shell`__lm_nonce=$LIVEMOUNT_NONCE __lm_bin=$LIVEMOUNT_BIN
unset LIVEMOUNT_NONCE LIVEMOUNT_BIN
${ZSH_FILE('.zshrc')}
path=($__lm_bin $path)
__lm_escape() {
  emulate -L zsh
  local text=$1
${ESCAPE_TEXT}
  print -rn -- $text
}
__lm_precmd() {
  local code=$?
  if [[ -n $__lm_ran ]]; then print -n "\e]633;D;$code\a"; else print -n "\e]633;D\a"; fi
  __lm_ran=
  print -n "\e]633;P;Cwd=$(__lm_escape $PWD)\a"
  if [[ $PS1 != $__lm_ps1 ]]; then
    PS1=$'%{\e]633;A\a%}'$PS1$'%{\e]633;B\a%}'
    __lm_ps1=$PS1
  fi
}
__lm_preexec() {
  __lm_ran=1
  print -rn -- $'\e]633;E;'"$(__lm_escape $1);$__lm_nonce"$'\a\e]633;C\a'
}
autoload -Uz add-zsh-hook
add-zsh-hook precmd __lm_precmd
add-zsh-hook preexec __lm_preexec
`;

const ZSH_LOGIN = shell`${ZSH_FILE('.zlogin')}if [[ -n $LIVEMOUNT_ZDOTDIR ]]; then ZDOTDIR=$LIVEMOUNT_ZDOTDIR; else unset ZDOTDIR; fi
unset LIVEMOUNT_ZDOTDIR __lm_theirs __lm_ours
`;

const FISH = shell`set -g __lm_nonce $LIVEMOUNT_NONCE
set -g __lm_bin $LIVEMOUNT_BIN
set -e LIVEMOUNT_NONCE
set -e LIVEMOUNT_BIN
function __lm_escape
  string replace -a '\\' '\\\\' -- $argv[1] | string replace -a ';' '\x3b' | string replace -a \e '\x1b' | string replace -a \a '\x07' | string join '\x0a'
end
function __lm_preexec --on-event fish_preexec
  printf '\e]633;E;%s;%s\a\e]633;C\a' (__lm_escape "$argv[1]") $__lm_nonce
end
function __lm_postexec --on-event fish_postexec
  printf '\e]633;D;%s\a' $status
end
function __lm_begin --on-event fish_prompt
  if not set -q __lm_wrapped
    set -g __lm_wrapped 1
    set -gx PATH $__lm_bin $PATH
    functions -c fish_prompt __lm_their_prompt
    function fish_prompt
      printf '\e]633;A\a'
      __lm_their_prompt
      printf '\e]633;B\a'
    end
  end
  printf '\e]633;P;Cwd=%s\a' (__lm_escape "$PWD")
end
`;

/** By name, in a folder of the daemon's. */
export const SHELL_SCRIPTS: Readonly<Record<string, string>> = {
  'bash.sh': BASH,
  'zsh/.zshenv': ZSH_FILE('.zshenv'),
  'zsh/.zprofile': ZSH_FILE('.zprofile'),
  'zsh/.zshrc': ZSH_RC,
  'zsh/.zlogin': ZSH_LOGIN,
  'fish.fish': FISH,
};
