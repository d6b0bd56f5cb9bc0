// The version of this program, which a runner tells its gateway. A test keeps it equal to that of
// package.json, which browsers do not load.

export const programVersion = '0.1.0';
