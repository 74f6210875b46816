# In a guest, for tests/lab/parts.bash: as alice at a terminal, who types each command herself.
screen() { runuser -u alice -- tmux capture-pane -p -J -t "$1"; }
shows() { screen "$1" | grep -q -- "$2"; }
await_text() { await 120 shows "$1" "$2"; }
types() { runuser -u alice -- tmux send-keys -t "$1" -l "$2"; runuser -u alice -- tmux send-keys -t "$1" Enter; }
trap '[ $? -eq 0 ] || { screen work; screen other; } >&2' EXIT

runuser -u alice -- bash -c 'cd; tmux -f /dev/null new-session -d -s work -x 150 -y 50; tmux new-session -d -s other -x 150 -y 50' >/dev/null 2>&1
types work 'PS1="mine> "; python3 -q'
await_text work '>>>'
types work 'import os; x = 41; print("x is", x, "of", os.getpid())'
await_text work '^x is 41 of'
pid=$(screen work | sed -n 's/^x is 41 of \([0-9]*\)$/\1/p')
types other "sudo cedana client dump --pid $pid --stop; echo dumped: \$?"
await_text other '^dumped: 0'
await_text work '^mine> *$'
types work 'sudo cedana client restore latest --foreground'
await 120 grep -qs python "/proc/$pid/comm"
types work 'print("x is", x + 1)'
await_text work '^x is 42'
# The shell has its terminal back afterwards, and the program's exit status.
types work 'exit(3)'
types work 'echo "ended: $?"'
await_text work '^ended: 3'

# A job in the background of a shell, whose terminal it keeps.
types work 'n=0; (while sleep 1; do n=$((n+1)); echo counted $n; done) & echo job: $!'
await_text work '^counted 2'
job=$(screen work | sed -n 's/^.*job: \([0-9]*\)$/\1/p' | tail -n 1)
types other "sudo cedana client dump --pid $job --stop; echo stopped: \$?"
await_text other '^stopped: 0'
types work 'clear; sudo cedana client restore latest'
last=$(screen work | sed -n 's/^counted \([0-9]*\)$/\1/p' | tail -n 1)
await_text work "^counted $((${last:-2} + 2))"
