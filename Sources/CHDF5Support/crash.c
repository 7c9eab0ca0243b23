// Damaged metadata can crash libhdf5 itself (freeing what it never allocated, following addresses from the
// file). A tool must still say which file is bad. The handler only writes and exits, which is safe in a signal.
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hdf5_support.h"

static volatile sig_atomic_t busy;
static char path_in_use[4096];

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(3);
}

static void crashed(int number) {
  if (busy) {
    say("error: the HDF5 library cannot cope with this file: ");
    say(path_in_use);
    say(" \xE2\x80\x94 the file is damaged; fetch it again\n");
    _exit(3);
  }
  signal(number, SIG_DFL);
  raise(number);
}

void vt_h5_report_crashes(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = crashed;
  sigemptyset(&action.sa_mask);
  // A crash of the toolkit itself must reach the default handler, so this one runs once.
  action.sa_flags = (int)SA_RESETHAND;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGABRT, &action, NULL);
  sigaction(SIGFPE, &action, NULL);
}

void vt_h5_enter(const char *path) {
  strncpy(path_in_use, path, sizeof path_in_use - 1);
  busy = 1;
}

void vt_h5_leave(void) { busy = 0; }
