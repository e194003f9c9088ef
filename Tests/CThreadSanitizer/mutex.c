/*
 * Tells ThreadSanitizer about Swift's Mutex. An uncontended lock is an atomic operation that is compiled into our own
 * code, where ThreadSanitizer sees it. A contended one goes through two functions of libswiftSynchronization, which is
 * not compiled with ThreadSanitizer and leaves the handing over to the kernel; without these two in their place every
 * contended lock looks like a race.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdint.h>

/* <sanitizer/tsan_interface.h> */
void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define HANDLE __attribute__((swift_context)) void *handle
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

/* Synchronization._MutexHandle._lockSlow(UInt32) */
SWIFT void clinic_lock(uint32_t thread, HANDLE) __asm__(LOCK);
SWIFT void clinic_lock(uint32_t thread, HANDLE) {
    ((SWIFT void (*)(uint32_t, HANDLE))dlsym(RTLD_NEXT, LOCK))(thread, handle);
    __tsan_acquire(handle);
}

/* Synchronization._MutexHandle._unlockSlow() */
SWIFT void clinic_unlock(HANDLE) __asm__(UNLOCK);
SWIFT void clinic_unlock(HANDLE) {
    __tsan_release(handle);
    ((SWIFT void (*)(HANDLE))dlsym(RTLD_NEXT, UNLOCK))(handle);
}
