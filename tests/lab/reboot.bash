# In a guest, for tests/lab/parts.bash, which gives the step: what is dumped before a reboot, and restored after it.
case "$1" in
dump)
    counting_program /root/count.pl
    # The low ones are others' after the boot.
    echo 20000 >/proc/sys/kernel/ns_last_pid
    (exec setsid ./count.pl </dev/null >count.out 2>&1) &
    await 30 grep -qx 5 count.out
    cedana client dump --name count.pl
    mkdir -p /etc/systemd/system/redis-server.service.d
    printf '[Service]\nPrivateUsers=no\n' >/etc/systemd/system/redis-server.service.d/checkpoint.conf
    systemctl daemon-reload
    systemctl start redis-server
    await 60 redis-cli set counter 41
    systemctl start cedana-dump@redis-server
    ;;
program)
    # From what it was at the dump, whatever it wrote until the reboot.
    cedana client restore count.pl
    last=$(tail -n 1 count.out)
    await 60 grep -qx $((last + 5)) count.out
    # It counts on meanwhile.
    cp count.out seen
    seq "$(grep -c . seen)" | cmp - seen
    ;;
redis)
    cedana unit redis-server
    systemctl start redis-server
    [ "$(redis-cli incr counter)" = 42 ] || fail "the counter is $(redis-cli get counter)"
    systemctl is-active redis-server
    systemctl restart redis-server
    systemctl stop redis-server
    ;;
esac
