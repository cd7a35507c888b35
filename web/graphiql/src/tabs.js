import everything from './queries/1-what-is-there.graphql?raw';
import owners from './queries/2-who-owns-it.graphql?raw';
import impact from './queries/3-what-breaks.graphql?raw';
import team from './queries/4-what-a-team-owns.graphql?raw';
import errors from './queries/5-what-is-wrong.graphql?raw';

export const tabs = [everything, owners, impact, team, errors].map((query) => ({ query }));
