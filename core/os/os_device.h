/* os_device.h - facts about the device below an open file. */
#ifndef PBASE_OS_OS_DEVICE_H
#define PBASE_OS_OS_DEVICE_H
#include <protobase/base/os.h>

/* Never fails: what is not known is 0. */
void os_device_pieces(int fd, pbase_os_pieces *out);

#endif
