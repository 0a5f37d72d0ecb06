# Sourced by the launcher: builds all modules and lays them out as target/dist-NUMBER, which has for
# every part a folder of jars and PART.args, an argument file of the java command. The link
# target/dist then changes in one step; a process that is restarted after that is the new version.

mkdir -p "$target" || fail "cannot write in $target: clone the repository where you may write"
exec 9>"$target/lock"
flock 9

# A line every second while something runs in the foreground; nothing where nobody looks.
progress() {
    if [ -t 2 ]; then
        (
            trap 'printf "\r\033[K" >&2; exit' TERM
            seconds=0
            while sleep 1; do
                seconds=$((seconds + 1))
                printf '\rniter: %s, %d s ' "$1" $seconds >&2
            done
        ) 9>&- &
        printer=$!
    else
        printf 'niter: %s\n' "$1" >&2
        printer=
    fi
}

progress_ends() {
    [ -z "$printer" ] || { kill "$printer" && wait "$printer"; } 2>/dev/null
    printer=
}

# Writes DIR/PART.args. Arguments: directory, part, module/class, modules that make native calls,
# lines to add.
arguments() {
    directory=$1 part=$2 main=$3 native=$4
    shift 4
    format='%1$tFT%1$tT.%1$tL%1$tz %4$s %3$s: %5$s%6$s%n'
    printf '%s\n' "\"-Djava.util.logging.SimpleFormatter.format=$format\"" \
        "\"-Djdk.system.logger.format=$format\"" -XX:+UseSerialGC -XX:-UsePerfData -Xlog:disable -Xlog:all=error:stderr \
        "--enable-native-access=$native" "$@" -p "\"$new/$part\"" -m "$main" >"$directory/$part.args"
}

# The argument files in DIR. The second argument is an option to which the path of a part's AOT
# cache is added, for the parts whose file exists or is to be made.
all_arguments() {
    directory=$1 option=$2
    for part in keeper controller ebs vpc services hypervisor cli; do
        set --
        case $option in
        -XX:AOTCache=) [ -f "$new/$part.aot" ] && set -- "\"$option$new/$part.aot\"" ;;
        -XX:AOTConfiguration=) set -- -XX:AOTMode=record "\"$option$new/train/$part.conf\"" ;;
        *) set -- "\"$option$new/$part.aot\"" ;;
        esac
        case $part in
        keeper) arguments "$directory" $part niter.keeper/niter.keeper.KeeperMain \
            niter.linux -XX:TieredStopAtLevel=1 -Xmx32m "$@" ;;
        controller) arguments "$directory" $part niter.controller/niter.controller.ControllerMain \
            niter.linux,io.netty.common -XX:TieredStopAtLevel=1 -Xmx64m "$@" ;;
        ebs) arguments "$directory" $part niter.card.ebs/niter.card.ebs.EbsMain \
            niter.linux -Xmx64m "$@" ;;
        vpc) arguments "$directory" $part niter.card.vpc/niter.card.vpc.VpcMain \
            niter.linux -Xmx64m "$@" ;;
        services) arguments "$directory" $part niter.card.vpc.services/niter.card.vpc.services.ServicesMain \
            niter.linux -XX:TieredStopAtLevel=1 -Xms8m -Xmx64m "$@" ;;
        hypervisor) arguments "$directory" $part niter.hypervisor/niter.hypervisor.HypervisorMain \
            niter.linux -XX:TieredStopAtLevel=1 -Xmx32m "$@" ;;
        cli) arguments "$directory" $part niter.cli/niter.cli.NiterMain \
            niter.linux,io.netty.common -XX:TieredStopAtLevel=1 -Xmx128m \
            -Djava.util.logging.config.file=/dev/null "$@" ;; # says what is wrong by itself
        esac
    done
}

build() {
    new=$target/dist-$(date +%s)
    rm -rf "$new"
    mkdir "$new" || return 1
    : >"$new/built"
    printf '%s\n' "$jdk/bin/java" >"$new/java"
    maven -q -Dmaven.test.skip=true -Dmdep.skip=false "-Dniter.dist=$new" package \
        >"$target/build.log" 2>&1 9>&- || return 1
    for part in keeper controller ebs vpc services hypervisor cli lab; do
        case $part in
        controller) folder=cards/controller/server ;;
        ebs | vpc) folder=cards/$part ;;
        services) folder=cards/vpc/services ;;
        *) folder=$part ;;
        esac
        mkdir -p "$new/$part" && cp "$root/$folder"/target/niter-*.jar "$new/$part/" || return 1
    done
    train
    all_arguments "$new" -XX:AOTCache=
    "$jdk/bin/java" "@$new/cli.args" --help >"$new/help" 2>/dev/null 9>&-
    "$jdk/bin/java" -Dpicocli.ansi=true "@$new/cli.args" --help >"$new/help.ansi" 2>/dev/null 9>&-
    ln -s "${new##*/}" "$target/dist.new" && mv -T "$target/dist.new" "$dist"
}

# AOT caches by training runs: a part loads and links its classes once, here. A part without a
# cache only starts slower. The command asks a controller of its own, so that its side of the API is
# trained too.
train() {
    state=$(mktemp -d) || return 0 # near the root: a socket's path has 107 bytes at most
    unset NITER_FAILPOINTS
    mkdir "$new/train"
    all_arguments "$new" -XX:AOTCache=
    all_arguments "$new/train" -XX:AOTCacheOutput=
    trained "$new" up
    trained "$new/train" ps
    train_card
    training_ends
}

# What a guest waits for after a kill is the start of a JVM. The load generator kills a card and then
# its keeper once each; their successors record what they load, and end by a signal.
train_card() {
    mkdir "$state/card" "$new/train/card" || return 0
    printf '%s\n' "$jdk/bin/java" >"$new/train/card/java"
    all_arguments "$new/train/card" -XX:AOTConfiguration=
    timeout 180 "$jdk/bin/java" --enable-native-access=niter.linux -p "$new/lab" -m niter.lab/niter.lab.LabMain \
        "$root/niter" "$state/card" "$new/train/card" kills --kills 2 --seed 76 >/dev/null 2>&1 9>&-
    for part in keeper ebs; do
        "$jdk/bin/java" -XX:AOTMode=create "-XX:AOTConfiguration=$new/train/$part.conf" \
            "-XX:AOTCache=$new/$part.aot" "@$new/$part.args" >/dev/null 2>&1 9>&-
    done
}

trained() {
    NITER_DIST=$new NITER_JAVA=$jdk/bin/java XDG_STATE_HOME=$state \
        "$jdk/bin/java" "@$1/cli.args" "$2" >/dev/null 2>&1 9>&-
}

training_ends() {
    [ -n "${state:-}" ] || return 0
    trained "$new" down
    [ ! -e "$state/card/niter/run/keeper.sock" ] || (state=$state/card && trained "$new" down)
    rm -rf "$new/train" "$state"
    state=
}

# Processes that started before the last build may still open its jars; those before are gone,
# unless a card runs from them, which is started from the same build again.
remove_old() {
    kept=$(readlink "$dist" 2>/dev/null)
    for old in "$target"/dist-*; do
        case ${old##*/} in
        "$kept" | 'dist-*') ;;
        *) grep -qsF "@$old/" /proc/[0-9]*/cmdline || rm -rf "$old" ;;
        esac
    done
}

if stale; then # another one may have built while this one waited for the lock
    trap 'progress_ends; training_ends; rm -rf "$new"; exit 130' INT TERM
    progress 'building, which takes a minute or two the first time'
    remove_old
    if build; then
        progress_ends
    else
        progress_ends
        rm -rf "$new"
        sed -n '/^\[ERROR\] /p' "$target/build.log" | sed '/ Help 1\|^$/q' | head -n 12 >&2
        fail "the build failed: $target/build.log has all of it"
    fi
    trap - INT TERM
fi
exec 9>&-
