#pragma once

namespace diglett {

/// What each program does first in main, before any thread or descriptor: SIGPIPE is ignored (a
/// closed peer is an error of that write, not the end of the process), and closed standard
/// descriptors become /dev/null, so that no socket is ever given the number of stdout or stderr.
void prepare_process();

}  // namespace diglett
