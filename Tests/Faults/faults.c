// Makes a chosen call of a process fail, or end the process: preloaded (LD_PRELOAD) into the real vtkit by the tests.
//
// It counts the calls that touch files in one folder, each kind by itself, so that the numbers are the same from run to run.
//   VTKIT_FAULT_FOLDER=/folder    whose files count, the folder itself included (its real path)
//   VTKIT_FAULT_TRACE=/file       gets a line for each counted call: a space or, where the fault struck, '!'; kind; path
//   VTKIT_FAULT=fsync:3:EIO       the third such call fails: with EIO, ENOSPC, EINTR or EINVAL; `short` makes half of a read or
//                                 write; `kill` ends the process instead of the call, of a write after its first half
//   VTKIT_FAULT=write:3+:ENOSPC   the third and all later ones; several faults have commas between them
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GO = 0, KILL = -1, SHORT = -2 };

static const char *const kinds[] = {"write", "pwrite",    "fsync", "rename", "exchange", "link", "unlink",
                                    "rmdir", "mkdir",     "ftruncate", "open", "close",    "read", "mmap"};
enum { KINDS = sizeof kinds / sizeof *kinds, FAULTS = 4 };

static const char *folder;
static int trace = -1;
static struct {
  char kind[16];
  int number, and_later, fault;
} wanted[FAULTS];
static int wanted_count;
static atomic_int counts[KINDS];

// A fault that nobody knows must not pass for a run without faults.
static void add_fault(const char *text) {
  static const struct {
    const char *name;
    int fault;
  } faults[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},
                {"EINVAL", EINVAL}, {"short", SHORT},   {"kill", KILL}};
  char what[16] = "", later[2] = "";
  if (!folder || wanted_count == FAULTS) abort();
  __typeof__(*wanted) *w = &wanted[wanted_count++];
  if (sscanf(text, "%15[a-z]:%d%1[+]:%15[a-zA-Z]", w->kind, &w->number, later, what) == 4)
    w->and_later = 1;
  else if (sscanf(text, "%15[a-z]:%d:%15[a-zA-Z]", w->kind, &w->number, what) != 3)
    abort();
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (!strcmp(what, faults[i].name)) w->fault = faults[i].fault;
  if (!w->fault) abort();
}

__attribute__((constructor)) static void begin(void) {
  folder = getenv("VTKIT_FAULT_FOLDER");
  const char *path = getenv("VTKIT_FAULT_TRACE"), *fault = getenv("VTKIT_FAULT");
  if (path) trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  while (fault && *fault) {
    add_fault(fault);
    fault = strchr(fault, ',');
    if (fault) fault++;
  }
}

static int is_inside(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static void end_process(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// What is to become of a call on a file: GO, SHORT, KILL or the error to report.
static int strike(const char *kind, const char *path) {
  int k = 0;
  while (k < KINDS && strcmp(kinds[k], kind)) k++;
  if (k == KINDS) abort();
  int number = atomic_fetch_add(&counts[k], 1) + 1, fault = GO;
  for (int i = 0; i < wanted_count; i++)
    if (!strcmp(kind, wanted[i].kind) &&
        (number == wanted[i].number || (wanted[i].and_later && number > wanted[i].number)))
      fault = wanted[i].fault;
  char line[PATH_MAX + 32];
  int length = snprintf(line, sizeof line, "%c%s %s\n", fault != GO ? '!' : ' ', kind, path);
  if (trace >= 0 && syscall(SYS_write, trace, line, length) != length) abort();
  return fault;
}

static int strike_path(const char *kind, int at, const char *path) {
  char whole[2 * PATH_MAX], base[PATH_MAX] = "";
  if (!folder || !path) return GO;
  if (path[0] != '/') {
    char link[64] = "/proc/self/cwd";
    if (at != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return GO;
    base[length] = 0;
  }
  snprintf(whole, sizeof whole, "%s%s%s", base, base[0] ? "/" : "", path);
  return is_inside(whole) ? strike(kind, whole) : GO;
}

static int strike_file(const char *kind, int descriptor) {
  char link[64], path[PATH_MAX];
  if (!folder || descriptor < 0) return GO;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return GO;
  path[length] = 0;
  return is_inside(path) ? strike(kind, path) : GO;
}

// The function that this one wraps.
#define NEXT(name) \
  static __typeof__(name) *next; \
  if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

// Returns from the function unless the call is to go on as if nothing were.
#define STOP(fault, failed) \
  do { \
    int stop = (fault); \
    if (stop == KILL) end_process(); \
    if (stop > 0) { \
      errno = stop; \
      return failed; \
    } \
  } while (0)

// MARK: Reading and writing

#define TRANSFER(name, kind, parameters, arguments, half) \
  ssize_t name parameters { \
    NEXT(name); \
    int saved = errno, fault = strike_file(kind, fd); \
    errno = saved; \
    if (fault == SHORT || (fault == KILL && strcmp(kind, "read"))) { \
      ssize_t done = next half; \
      if (fault == SHORT) return done; \
    } \
    STOP(fault, -1); \
    return next arguments; \
  }

#define HALF(count) ((count) > 1 ? (count) / 2 : (count))

TRANSFER(write, "write", (int fd, const void *p, size_t n), (fd, p, n), (fd, p, HALF(n)))
TRANSFER(pwrite, "pwrite", (int fd, const void *p, size_t n, off_t o), (fd, p, n, o), (fd, p, HALF(n), o))
TRANSFER(pwrite64, "pwrite", (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o), (fd, p, HALF(n), o))
TRANSFER(read, "read", (int fd, void *p, size_t n), (fd, p, n), (fd, p, HALF(n)))
TRANSFER(pread, "read", (int fd, void *p, size_t n, off_t o), (fd, p, n, o), (fd, p, HALF(n), o))
TRANSFER(pread64, "read", (int fd, void *p, size_t n, off64_t o), (fd, p, n, o), (fd, p, HALF(n), o))

#define MAP(name, offset) \
  void *name(void *at, size_t n, int protection, int flags, int fd, offset o) { \
    NEXT(name); \
    if (!(flags & MAP_ANONYMOUS)) STOP(strike_file("mmap", fd), MAP_FAILED); \
    return next(at, n, protection, flags, fd, o); \
  }
MAP(mmap, off_t)
MAP(mmap64, off64_t)

// MARK: Other calls on open files

#define ON_FILE(name, kind, parameters, arguments) \
  int name parameters { \
    NEXT(name); \
    STOP(strike_file(kind, fd), -1); \
    return next arguments; \
  }
ON_FILE(fsync, "fsync", (int fd), (fd))
ON_FILE(fdatasync, "fsync", (int fd), (fd))
ON_FILE(ftruncate, "ftruncate", (int fd, off_t n), (fd, n))
ON_FILE(ftruncate64, "ftruncate", (int fd, off64_t n), (fd, n))

// Only of files opened for writing: what is late to be written may fail here. The file is closed all the same.
int close(int fd) {
  NEXT(close);
  int saved = errno, mode = fcntl(fd, F_GETFL);
  int fault = mode >= 0 && (mode & O_ACCMODE) != O_RDONLY ? strike_file("close", fd) : GO;
  errno = saved;
  if (fault == KILL) end_process();
  int result = next(fd);
  STOP(fault, -1);
  return result;
}

// MARK: Calls on paths

// Only opening for writing counts.
static int strike_open(int at, const char *path, int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT ? strike_path("open", at, path) : GO;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | __O_TMPFILE)) { \
    va_list list; \
    va_start(list, flags); \
    mode = va_arg(list, mode_t); \
    va_end(list); \
  }
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    MODE(flags) \
    NEXT(name); \
    STOP(strike_open(AT_FDCWD, path, flags), -1); \
    return next(path, flags, mode); \
  }
#define OPENAT(name) \
  int name(int at, const char *path, int flags, ...) { \
    MODE(flags) \
    NEXT(name); \
    STOP(strike_open(at, path, flags), -1); \
    return next(at, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define ON_PATH(name, kind, parameters, at, path, arguments) \
  int name parameters { \
    NEXT(name); \
    STOP(strike_path(kind, at, path), -1); \
    return next arguments; \
  }
ON_PATH(mkdir, "mkdir", (const char *p, mode_t m), AT_FDCWD, p, (p, m))
ON_PATH(mkdirat, "mkdir", (int d, const char *p, mode_t m), d, p, (d, p, m))
ON_PATH(unlink, "unlink", (const char *p), AT_FDCWD, p, (p))
ON_PATH(rmdir, "rmdir", (const char *p), AT_FDCWD, p, (p))
ON_PATH(remove, "unlink", (const char *p), AT_FDCWD, p, (p))
ON_PATH(unlinkat, flags & AT_REMOVEDIR ? "rmdir" : "unlink", (int d, const char *p, int flags), d, p, (d, p, flags))
ON_PATH(link, "link", (const char *p, const char *q), AT_FDCWD, q, (p, q))
ON_PATH(linkat, "link", (int d, const char *p, int e, const char *q, int f), e, q, (d, p, e, q, f))
ON_PATH(rename, "rename", (const char *p, const char *q), AT_FDCWD, q, (p, q))
ON_PATH(renameat, "rename", (int d, const char *p, int e, const char *q), e, q, (d, p, e, q))
ON_PATH(renameat2, f & RENAME_EXCHANGE ? "exchange" : "rename", (int d, const char *p, int e, const char *q, unsigned f), e, q, (d, p, e, q, f))
