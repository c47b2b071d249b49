/** stub for now */
export const unitTests = ['test/core/clock.test.ts']
