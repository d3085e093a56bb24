export { OpenFlag } from '../../protocol/openFlags';
