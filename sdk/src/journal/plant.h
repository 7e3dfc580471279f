/* plant.h - where tests plant bugs.
 *
 * PBASE_PLANT(n) is 0 in the product, so the compiler drops what it guards. tests/sdk/journal builds
 * these files a second time with the macro defined, and fails when its crash harness does not find
 * each planted bug. */
#ifndef PBASE_JOURNAL_PLANT_H
#define PBASE_JOURNAL_PLANT_H

#ifndef PBASE_PLANT
#define PBASE_PLANT(bug) 0
#endif

#endif
