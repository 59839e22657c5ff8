/** Every Service listens here, by TCP and by UDP. */
export const servicePort = 80;
/** Backends answer here by TCP. */
export const streamPort = 8080;
/** Backends answer here by UDP. */
export const datagramPort = 5300;
