# Sourced by the launcher: "niter test" runs all tests, those that boot guests too; with --long also
# those that take many minutes. Ends with what the test runner says at its end.

excluded=long
seconds=1500 # of a module
case ${2:-} in
--long) excluded=none seconds=86400 ;;
-h | --help)
    echo 'Usage: niter test [--long]'
    echo 'Runs all tests, those that boot guests too; with --long also those that take many minutes.'
    exit
    ;;
'') ;;
*) fail "test: unknown argument '$2': niter test [--long]" ;;
esac
"$root/niter" version >/dev/null || exit # builds: the tests drive the command as a process
mkdir -p "$target"
NITER_DIST=$dist maven -fae "-Dniter.excludedGroups=$excluded" "-Dniter.moduleSeconds=$seconds" verify 2>&1 | tee "$target/test.log" |
    grep --line-buffered -E '^\[(INFO|ERROR|WARNING)\] (Tests run:.*|Running .*|BUILD .*)|^\[ERROR\]'
grep -q '^\[INFO\] BUILD SUCCESS' "$target/test.log"
status=$?
echo
grep -E 'Tests run:.*(Time elapsed)?|BUILD (SUCCESS|FAILURE)|Total time' "$target/test.log" |
    grep -v 'Time elapsed' | sed 's/^\[[A-Z]*\] *//'
exit $status
