"""One ClickHouse server: serve.py LIBRARY CONFIG.

The library's "clickhouse local" runs one script: open the HTTP and TCP listeners, read a pipe to its end, close them.
This program keeps the pipe open until it is told to stop (SIGTERM, SIGINT).
"""
import ctypes
import os
import signal
import sys
import threading


def start_engine(library, config, pipe):
    """Runs the engine until the pipe ends. Gives its complaint, or None."""
    script = (
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; "
        f"SELECT count() FROM file('/dev/fd/{pipe}', 'LineAsString', 'line String') FORMAT Null "
        "SETTINGS log_comment = 'listener', max_execution_time = 0; "
        "SYSTEM STOP LISTEN HTTP; SYSTEM STOP LISTEN TCP"
    )
    words = [b"clickhouse", b"--config-file=" + config.encode(), b"-q", script.encode()]
    # Its symbols must not mix with those of Python's own libraries.
    engine = ctypes.CDLL(library, mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    engine.chdb_result_error.restype = ctypes.c_char_p
    engine.chdb_result_error.argtypes = [ctypes.c_void_p]
    result = engine.chdb_query_cmdline(len(words), (ctypes.c_char_p * (len(words) + 1))(*words, None))
    return engine.chdb_result_error(result) if result else b"no result"


def main():
    library, config = sys.argv[1:3]
    reading, writing = os.pipe()
    complaints = []
    stops = {signal.SIGTERM, signal.SIGINT}
    # Threads of the engine inherit the mask: the signals are for this thread alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    threading.stack_size(64 << 20)
    engine = threading.Thread(target=lambda: complaints.append(start_engine(library, config, reading)))
    engine.start()
    while engine.is_alive():
        got = signal.sigtimedwait(stops, 0.5)
        # After a pause (SIGSTOP, SIGCONT) it returns too, with a number that is no signal.
        if got is not None and got.si_signo in stops:
            os.close(writing)
            break
    engine.join()
    complaint = complaints[0] if complaints else b"the engine did not return"
    if complaint:
        print(complaint.decode(errors="replace"), flush=True)
    # The engine's own exit handlers may hang.
    os._exit(1 if complaint else 0)


main()
