"""Hand-written concept table: food, drink and what holds them. `concepts` explains the lines."""

TABLE = """
food ; 食物, 食品
  fruit ; 水果 ; ; ?plant
    apple ; 苹果 ; 1f34e 1f34f
    grapes, grape ; 葡萄 ; 1f347 ; ~blueberry
    melon, cantaloupe ; 甜瓜, 哈密瓜 ; 1f348 ; ~watermelon
    watermelon ; 西瓜 ; 1f349
    orange, tangerine, mandarin ; 橙子, 橘子 ; 1f34a
    lemon ; 柠檬 ; 1f34b ; ~lime
    lime ; 青柠 ; 1f34b-200d-1f7e9
    banana ; 香蕉 ; 1f34c
    pineapple ; 菠萝 ; 1f34d
    mango ; 芒果 ; 1f96d ; ~peach
    pear ; 梨, 梨子 ; 1f350
    peach ; 桃子, 桃 ; 1f351
    cherry, cherries ; 樱桃 ; 1f352
    strawberry ; 草莓 ; 1f353
    blueberry, blueberries ; 蓝莓 ; 1fad0
    kiwi, kiwi fruit ; 猕猴桃, 奇异果 ; 1f95d
    coconut ; 椰子 ; 1f965
    avocado ; 牛油果, 鳄梨 ; 1f951 ; ?vegetable
    olive, olives ; 橄榄 ; 1fad2 ; ?vegetable
  tomato ; 西红柿, 番茄 ; 1f345 ; ?fruit ?vegetable ?plant
  vegetable ; 蔬菜 ; ; ?plant
    eggplant, aubergine ; 茄子 ; 1f346
    potato ; 土豆, 马铃薯 ; 1f954
    carrot ; 胡萝卜 ; 1f955
    corn, ear of corn, maize ; 玉米 ; 1f33d
    chili pepper, hot pepper, red pepper ; 辣椒, 红辣椒 ; 1f336
    bell pepper, sweet pepper ; 灯笼椒, 甜椒 ; 1fad1
    cucumber ; 黄瓜 ; 1f952
    lettuce, leafy green, cabbage ; 生菜, 白菜, 绿叶菜 ; 1f96c ; ?leaf
    broccoli ; 西兰花, 花椰菜 ; 1f966 ; ?tree
    garlic ; 大蒜, 蒜 ; 1f9c4 ; ~onion
    onion ; 洋葱 ; 1f9c5
    ginger ; 生姜, 姜 ; 1fada ; ~potato
    peas, pea pod ; 豌豆, 豌豆荚 ; 1fadb ; ~beans
    beans, bean ; 豆子, 豆 ; 1fad8
    pumpkin ; 南瓜 ; 1f383 ; ?fruit ?face ?toy
  mushroom ; 蘑菇 ; 1f344 1f344-200d-1f7eb ; ?vegetable ?plant
  peanuts, peanut ; 花生 ; 1f95c ; ?vegetable ?beans ?fruit ?plant
  chestnut ; 栗子 ; 1f330 ; ?fruit ?plant ?peanuts
  bread, loaf of bread ; 面包 ; 1f35e
    croissant ; 羊角面包, 牛角包 ; 1f950
    baguette, french bread ; 法棍, 法式长棍面包 ; 1f956
    pretzel ; 椒盐卷饼 ; 1f968
    bagel ; 贝果 ; 1f96f ; ~donut
    flatbread, naan ; 扁面包, 馕 ; 1fad3 ; ?pancakes
  pancakes, pancake ; 煎饼, 薄煎饼 ; 1f95e ; ?dessert ?bread ?butter
  waffle ; 华夫饼 ; 1f9c7 ; ?dessert ?bread ?butter
  cheese ; 奶酪, 芝士 ; 1f9c0
  butter ; 黄油 ; 1f9c8 ; ~cheese
  meat ; 肉, 肉类 ; 1f356
    chicken leg, drumstick, poultry leg ; 鸡腿 ; 1f357 ; ?chicken
    steak, cut of meat ; 牛排, 肉排 ; 1f969
    bacon ; 培根 ; 1f953
  hamburger, burger ; 汉堡, 汉堡包 ; 1f354 ; ~sandwich ?meat ?bread
  french fries, fries, chips ; 薯条 ; 1f35f
  pizza, slice of pizza ; 披萨, 比萨饼 ; 1f355
  hot dog ; 热狗 ; 1f32d ; ?sandwich ?bread ?meat ?sausage
  sausage ; 香肠 ; ; +meat
  sandwich ; 三明治 ; 1f96a ; ?bread
  taco ; 墨西哥夹饼, 塔可 ; 1f32e ; ~burrito
  burrito, wrap ; 墨西哥卷饼, 卷饼 ; 1f32f ; ~stuffed flatbread
  stuffed flatbread, kebab, gyro ; 夹心饼, 肉夹馍 ; 1f959 ; ?taco ?bread ?sandwich
  fried egg, egg in a pan ; 煎蛋, 荷包蛋 ; 1f373 ; ?egg ?pan
  stew, pot of food ; 炖菜, 一锅食物 ; 1f372 1f958 ; ?bowl ?pot ?pan ?soup
  soup ; 汤 ; 1f963 ; ?bowl ?spoon
  salad, green salad ; 沙拉, 蔬菜沙拉 ; 1f957 ; ?bowl ?vegetable ?lettuce ?tomato ?egg ?soup
  popcorn ; 爆米花 ; 1f37f ; ?french fries ?corn
  canned food, tin can, can ; 罐头 ; 1f96b ; ?tomato
  bento, bento box ; 便当, 盒饭 ; 1f371 ; ?rice ?shrimp ?egg ?sushi
  rice, bowl of rice ; 米饭, 白米饭 ; 1f35a ; ?bowl ~curry
  curry, curry rice ; 咖喱, 咖喱饭 ; 1f35b ; ?plate ?bowl ?stew
  rice ball, onigiri ; 饭团 ; 1f359 ; ?rice ~rice cracker ?sushi
  rice cracker ; 米饼 ; 1f358
  noodles, ramen ; 面条, 拉面 ; 1f35c ; ?bowl ?soup ?chopsticks ?spaghetti
  spaghetti, pasta ; 意大利面, 意面 ; 1f35d ; ?noodles ?plate ?fork
  sweet potato ; 红薯, 地瓜 ; 1f360 ; ~potato ?vegetable
  skewer, oden ; 关东煮, 烤串 ; 1f362 ; ~dango
  sushi ; 寿司 ; 1f363 ; ?fish ?shrimp ?rice
  fried shrimp, tempura ; 炸虾, 天妇罗 ; 1f364 ; ?shrimp ?sea animal
  dumpling, dumplings ; 饺子 ; 1f95f
  takeout box ; 外卖盒 ; 1f961 ; ?noodles ?box ?chopsticks
  dessert, sweet ; 甜点, 甜食
    ice cream ; 冰淇淋, 冰激凌 ; 1f366 1f368
    shaved ice ; 刨冰, 沙冰 ; 1f367 ; ~ice cream ?bowl
    donut, doughnut ; 甜甜圈 ; 1f369 ; ?ring shape
    cookie, biscuit ; 饼干, 曲奇 ; 1f36a ; ?circle
    cake ; 蛋糕 ; 1f370 ; ?strawberry
      birthday cake ; 生日蛋糕 ; 1f382 ; ?candle
      cupcake, muffin ; 纸杯蛋糕 ; 1f9c1 ; ?cherry
    moon cake, mooncake ; 月饼 ; 1f96e ; ?cake ?pie ?cookie
    pie ; 馅饼, 派 ; 1f967 ; ?cake
    chocolate, chocolate bar ; 巧克力 ; 1f36b ; ?candy
    candy, wrapped candy ; 糖果, 糖 ; 1f36c
      lollipop ; 棒棒糖 ; 1f36d
    custard, pudding, flan ; 布丁, 奶黄 ; 1f36e ; ?cake ?plate
    dango ; 团子, 三色团子 ; 1f361
    fortune cookie ; 幸运饼干 ; 1f960 ; ?cookie
  honey, honey pot ; 蜂蜜, 蜂蜜罐 ; 1f36f ; ?jar ?dessert
  salt, salt shaker ; 盐, 盐瓶 ; 1f9c2

drink, beverage ; 饮料, 饮品 ; ; ?food ?glass cup
  milk, glass of milk ; 牛奶, 一杯牛奶 ; 1f95b ; ?juice
  coffee, hot drink, cup of coffee ; 咖啡, 热饮 ; 2615 ; ?cup ~tea
  tea, cup of tea, green tea ; 茶, 绿茶 ; 1f375 ; ?cup
  wine, glass of wine, red wine ; 红酒, 葡萄酒 ; 1f377 ; ?wine glass ~cocktail
  cocktail, martini ; 鸡尾酒 ; 1f378 ; ?wine glass ?olive
  tropical drink, fruit cocktail ; 热带饮料, 果汁鸡尾酒 ; 1f379 ; ?cocktail ?juice ?wine glass ?umbrella ?orange
  beer, beer mug ; 啤酒, 啤酒杯 ; 1f37a 1f37b ; ?cup
  champagne glasses, clinking glasses ; 碰杯, 香槟杯 ; 1f942 ; ?wine ?wine glass
  whiskey, glass of whiskey, tumbler ; 威士忌 ; 1f943
  soda, cup with straw, soft drink ; 汽水, 带吸管的杯子 ; 1f964 ; ?cup ?juice
  bubble tea, boba, milk tea ; 珍珠奶茶, 奶茶 ; 1f9cb ; ?tea ?cup ?soda
  juice, juice box, drink carton ; 果汁, 盒装饮料 ; 1f9c3 ; ?box
  champagne, bottle of champagne ; 香槟, 香槟酒 ; 1f37e ; ?bottle ?wine
  sake ; 清酒 ; 1f376 ; ?bottle ?cup

kitchenware, kitchen utensil ; 厨具, 厨房用品 ; ; ?tool ?container
  baby bottle ; 奶瓶 ; 1f37c ; ?bottle ?milk ?drink
  teapot ; 茶壶 ; 1fad6 ; ?tea
  cup, mug ; 杯子 ; ;
  wine glass ; 高脚杯 ; ; ?wine ?drink ?cup ?glass cup
  glass cup ; 玻璃杯 ; ; ~cup
  bottle ; 瓶子 ; ; ?drink ?lotion bottle
  bowl ; 碗 ; ; ?food ?cup
  plate with cutlery, fork and knife with plate ; 餐具, 刀叉和盘子 ; 1f37d ; ?plate ?fork ?knife ?cutlery
  plate ; 盘子 ; ;
  cutlery, fork and knife ; 刀叉 ; 1f374 ; ?fork ?knife
  fork ; 叉子 ; ; ?cutlery
  spoon ; 勺子, 汤匙 ; 1f944 ; ?cutlery
  knife, kitchen knife ; 刀, 菜刀 ; 1f52a ; ?cutlery ?weapon
  chopsticks ; 筷子 ; 1f962 ; ?cutlery
  jar ; 罐子, 玻璃罐 ; 1fad9 ; ?bottle
  pan, frying pan ; 平底锅 ; ; ~pot
  pot ; 锅 ; ;
  vase, urn, amphora ; 花瓶, 双耳瓶 ; 1f3fa 26b1 ; ?jar ?bottle
ice cube, ice ; 冰块, 冰 ; 1f9ca ; ?cube
flower pot ; 花盆 ; ;
"""
