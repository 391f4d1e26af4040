// What ThreadSanitizer has to be told of Synchronization's Mutex, linked into programs built with it: see
// Tests/long/sanitizers.
//
// A Mutex that is free is taken and given back by atomic operations in the caller's own code, which ThreadSanitizer sees.
// One that is held, or waited for, goes through two functions of the library, which is not instrumented: the waiter is
// taken to have waited for nobody, and whatever the Mutex guards is reported. These take the place of the two, call them,
// and say what they did: https://github.com/swiftlang/swift/tree/main/stdlib/public/Synchronization/Mutex

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef __attribute__((swiftcall)) void (*LockSlow)(uint32_t thread, __attribute__((swift_context)) void *handle);
typedef __attribute__((swiftcall)) void (*UnlockSlow)(__attribute__((swift_context)) void *handle);

// Of ThreadSanitizer's runtime: sanitizer/tsan_interface.h.
void __tsan_acquire(void *address);
void __tsan_release(void *address);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle)
    __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *handle) __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle) {
  ((LockSlow)dlsym(RTLD_NEXT, LOCK_SLOW))(thread, handle);
  __tsan_acquire(handle);
}

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *handle) {
  __tsan_release(handle);
  ((UnlockSlow)dlsym(RTLD_NEXT, UNLOCK_SLOW))(handle);
}
